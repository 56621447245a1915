import { defineConfig } from "vitest/config";

/** What both suites share: real servers for tests that ask for them, and the closing line that CI reads. */
export const shared = {
  globalSetup: ["./test/support/global-setup.ts"],
  reporters: ["default", "./test/support/closing-line.ts"],
  // Temporal's native core keeps threads of its own: one process a file.
  pool: "forks",
  // Two cores carry the servers, the simulators and the workers of the tests as well.
  maxWorkers: 2,
  testTimeout: 60_000,
  hookTimeout: 120_000,
  teardownTimeout: 20_000,
} as const;

/** `npm test`. */
export default defineConfig({
  test: { ...shared, reporters: [...shared.reporters], globalSetup: [...shared.globalSetup], include: ["test/**/*.test.ts"], exclude: ["test/full/**", "test/million/**", "test/chaos/{seeds,recovery}.test.ts", "**/node_modules/**"] },
});
