import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { ConfigError } from "../../src/errors.ts";
import { storeKey } from "../../src/local/key.ts";
import { spawnNode } from "../../src/local/spawn-node.ts";

let home: string;
beforeEach(() => {
  home = mkdtempSync(path.join(os.tmpdir(), "tidemark-key-"));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

const code = (work: () => unknown): string => {
  try {
    work();
  } catch (error) {
    if (error instanceof ConfigError) return `${error.code} ${error.fix === undefined ? "" : "with a fix"}`;
  }
  return "nothing";
};

test("TIDEMARK_KEY goes first and must be 32 bytes of base64", () => {
  const key = Buffer.alloc(32, 7);
  expect(storeKey(home, { embedded: false, env: { TIDEMARK_KEY: key.toString("base64") } })).toEqual(key);
  for (const wrong of ["c2hvcnQ=", Buffer.alloc(33).toString("base64"), "not base64 at all, though long enough!!!!!!!"]) {
    expect(code(() => storeKey(home, { embedded: true, env: { TIDEMARK_KEY: wrong } }))).toBe("TM_KEY with a fix");
  }
});

test("without TIDEMARK_KEY only the embedded mode has a key: made once, readable by its owner alone", () => {
  expect(code(() => storeKey(home, { embedded: false, env: {} }))).toBe("TM_KEY with a fix");
  const key = storeKey(home, { embedded: true, env: {} });
  expect(key).toHaveLength(32);
  expect(storeKey(home, { embedded: false, env: {} })).toEqual(key);
  expect(statSync(path.join(home, "key")).mode & 0o777).toBe(0o600);
});

test("processes that make it at once agree on one", async () => {
  const script = path.join(home, "race.mts");
  const source = new URL("../../src/local/key.ts", import.meta.url).href;
  writeFileSync(script, `import { storeKey } from ${JSON.stringify(source)};\nprocess.stdout.write(storeKey(${JSON.stringify(home)}, { embedded: true, env: {} }).toString("hex") + "\\n");\n`);
  const logs = [1, 2, 3, 4].map((n) => path.join(home, `log${n}`));
  await Promise.all(logs.map((file) => spawnNode(script, [], { log: { file } }).exited));
  const made = new Set(logs.map((file) => readFileSync(file, "utf8")));
  expect([...made]).toEqual([`${storeKey(home, { embedded: true, env: {} }).toString("hex")}\n`]);
  expect(readdirSync(home).filter((name) => name.startsWith("key."))).toEqual([]);
});
