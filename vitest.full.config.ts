import { defineConfig } from "vitest/config";
import { shared } from "./vitest.config.ts";

/** `npm run test:full`: the long suites, one file at a time, since they measure time and load. */
export default defineConfig({
  test: {
    ...shared,
    reporters: [...shared.reporters],
    globalSetup: [...shared.globalSetup],
    include: ["test/full/**/*.test.ts"],
    fileParallelism: false,
    testTimeout: 600_000,
  },
});
