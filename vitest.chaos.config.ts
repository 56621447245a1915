import { defineConfig } from "vitest/config";
import { shared } from "./vitest.config.ts";

/** `npm run chaos`: CHAOS_SEEDS=1-20 says which seeds; each is about a minute. */
export default defineConfig({
  test: {
    ...shared, reporters: [...shared.reporters], globalSetup: [...shared.globalSetup],
    include: ["test/chaos/**/*.test.ts"], fileParallelism: false, testTimeout: 300_000, hookTimeout: 120_000,
  },
});
