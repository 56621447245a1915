import { defineConfig } from "vitest/config";
import { shared } from "./vitest.config.ts";

/** `npm run million`: MILLION_ORDERS says how many; a million take about 25 minutes on two cores. */
export default defineConfig({
  test: {
    ...shared, reporters: [...shared.reporters], globalSetup: [...shared.globalSetup],
    include: ["test/million/**/*.test.ts"], testTimeout: 3 * 3_600_000,
  },
});
