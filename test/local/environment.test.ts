import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { readDevState, removeDevState, writeDevState } from "../../src/local/dev-state.ts";
import { resolveServices } from "../../src/local/environment.ts";
import { namesTemporalServer } from "../../src/local/temporal-binary.js";

let home: string;
let none: NodeJS.ProcessEnv;
const state = { databaseUrl: "postgres://dev", temporalAddress: "127.0.0.1:7233", uiUrl: "http://127.0.0.1:8233", namespace: "default", pids: { postgres: 1 } };

beforeEach(() => {
  home = mkdtempSync(path.join(os.tmpdir(), "tidemark-env-"));
  none = { TEMPORAL_CONFIG_FILE: path.join(home, "none.toml") };
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

test("nothing set and nothing running: neither", () => {
  expect(resolveServices(home, none)).toEqual({ store: null, temporal: null });
});

test("the servers of dev are found while the process that runs them lives", () => {
  writeDevState(home, state);
  expect(statSync(path.join(home, "dev.json")).mode & 0o777).toBe(0o600);
  expect(resolveServices(home, none)).toEqual({
    store: { url: "postgres://dev", from: "dev" },
    temporal: { from: "dev", address: "127.0.0.1:7233", namespace: "default", uiUrl: "http://127.0.0.1:8233" },
  });
  const file = path.join(home, "dev.json");
  const written = readFileSync(file, "utf8");
  // The same process id, given to another process since.
  writeFileSync(file, written.replace(/"identity": "[^"]*"/, '"identity": "an earlier process"'));
  expect(readDevState(home)).toBeNull();
  writeFileSync(file, written.slice(0, 40));
  expect(readDevState(home)).toBeNull();
  writeFileSync(file, written);
  removeDevState(home);
  expect(readDevState(home)).toBeNull();
});

test("the environment goes before dev", () => {
  writeDevState(home, state);
  const services = resolveServices(home, { ...none, DATABASE_URL: "postgres://mine", TEMPORAL_ADDRESS: "temporal:7233" });
  expect(services).toEqual({ store: { url: "postgres://mine", from: "DATABASE_URL" }, temporal: { from: "envconfig" } });
});

test("a dev that uses a Temporal of the environment names none to others", () => {
  writeDevState(home, { ...state, temporalAddress: "" });
  expect(resolveServices(home, none)).toEqual({ store: { url: "postgres://dev", from: "dev" }, temporal: null });
});

test("a profile names a server only by its own address", () => {
  const file = path.join(home, "temporal.toml");
  writeFileSync(file, '[profile.default.tls]\ndisabled = false\n[profile.prod]\naddress = "cloud:7233"\n');
  expect(namesTemporalServer({ TEMPORAL_CONFIG_FILE: file })).toBe(false);
  expect(namesTemporalServer({ TEMPORAL_CONFIG_FILE: file, TEMPORAL_PROFILE: "prod" })).toBe(true);
  expect(namesTemporalServer({ TEMPORAL_CONFIG_FILE: path.join(home, "none.toml") })).toBe(false);
});
