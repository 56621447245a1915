import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { removeDevState, writeDevState } from "../../src/local/dev-state.ts";
import { openServices } from "../../src/ops/open.ts";
import { startPostgres } from "../../src/store/embedded.ts";
import { testConfig } from "../support/pipeline.ts";

let home: string;
beforeEach(() => {
  home = mkdtempSync(path.join(os.tmpdir(), "tidemark-open-"));
  chmodSync(home, 0o755); // Run as root, Postgres has another user.
  vi.stubEnv("DATABASE_URL", "");
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(home, { recursive: true, force: true });
});

test("a command that wants the folder's Postgres beside a dev that is starting uses dev's", async () => {
  const starting = await startPostgres({ dir: path.join(home, "postgres"), port: 0 });
  const opening = openServices({ ...testConfig(), home }, { orEmbedded: true });
  let opened = false;
  void opening.then(() => (opened = true));
  await sleep(500);
  expect(opened).toBe(false);
  writeDevState(home, { databaseUrl: starting.url, temporalAddress: "", uiUrl: "", namespace: "default", pids: {} });
  await (await opening).close();
  // It was not the command's to end.
  await expect(startPostgres({ dir: path.join(home, "postgres"), port: 0 })).rejects.toMatchObject({ code: "TM_ALREADY_RUNNING" });
  removeDevState(home);
  await starting.stop();
});

test("two such commands at once: the second waits for the first", async () => {
  const open = async () => {
    await (await openServices({ ...testConfig(), home }, { orEmbedded: true })).close();
  };
  await expect(Promise.all([open(), open()])).resolves.toEqual([undefined, undefined]);
});
