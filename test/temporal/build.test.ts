import { afterEach, expect, test, vi } from "vitest";
import { ownBuild } from "../../src/temporal/build.ts";

afterEach(() => vi.unstubAllEnvs());

test("a build is named after the release and the workflows' code, or as the environment says; without versioning there is none", () => {
  const runtime = { taskQueue: "queue", heartbeatMs: 1_000, versioning: true };
  expect(ownBuild(runtime)).toEqual({ deploymentName: "queue", buildId: expect.stringMatching(/^\d+\.\d+\.\d+-[0-9a-f]{8}$/) as string });
  vi.stubEnv("TIDEMARK_BUILD_ID", " ");
  expect(ownBuild(runtime)?.buildId).toMatch(/-[0-9a-f]{8}$/);
  vi.stubEnv("TIDEMARK_BUILD_ID", "image-7");
  expect(ownBuild(runtime)).toEqual({ deploymentName: "queue", buildId: "image-7" });
  expect(ownBuild({ ...runtime, versioning: false })).toBeNull();
});
