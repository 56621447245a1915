import { execFile, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, cpSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { spawnNode } from "../../src/local/spawn-node.ts";
import { programRoot } from "../../src/local/temporal-binary.js";

let dir: string;
const config = "config.ts";

// The bin beside a main.ts of the test's own, which loads a TypeScript file from a folder without package.json.
beforeAll(() => {
  dir = mkdtempSync(path.join(os.tmpdir(), "tidemark-bin-"));
  const program = path.join(dir, "program");
  mkdirSync(path.join(program, "src", "cli"), { recursive: true });
  mkdirSync(path.join(program, "src", "local"));
  for (const file of ["package.json", "src/cli/tidemark.js", "src/local/tsx.js", "src/local/end-with-parent.js"]) cpSync(path.join(programRoot, file), path.join(program, file));
  symlinkSync(path.join(programRoot, "node_modules"), path.join(program, "node_modules"));
  writeFileSync(
    path.join(program, "src", "cli", "main.ts"),
    `const file: string = process.argv[2] ?? "";
     const loaded = (await import(file)) as { default: { seven?: number; default?: { seven: number } } };
     const last = process.argv[3];
     process.stdout.write(process.argv.slice(4).join("|"));
     if (last === "throw") throw new Error("thrown in main.ts");
     if (last === "die") process.kill(process.pid, "SIGKILL");
     process.exitCode = loaded.default.seven ?? loaded.default.default?.seven ?? 1;`,
  );
  writeFileSync(path.join(dir, config), "import { sep } from 'node:path';\nexport default { seven: 7 as number, sep };\n");
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const bin = (...args: string[]) => spawnSync(process.execPath, [path.join(dir, "program", "src", "cli", "tidemark.js"), path.join(dir, config), ...args], { encoding: "utf8", cwd: os.tmpdir() });

test("the bin runs main.ts from any folder, with its arguments and its exit code", () => {
  const { status, stdout, stderr } = bin("end", "a b", "--c");
  expect({ status, stdout, stderr }).toEqual({ status: 7, stdout: "a b|--c", stderr: "" });
});

test("an error in main.ts is shown with its line, and fails", () => {
  const { status, stderr } = bin("throw");
  expect(status).toBe(1);
  expect(stderr).toMatch(/main\.ts:5[^]*thrown in main\.ts/);
});

test("ended by a signal, it says so to whoever waits for it", () => {
  expect(bin("die").signal).toBe("SIGKILL");
});

test("spawnNode runs the same bin and the same main.ts", async () => {
  for (const script of ["tidemark.js", "main.ts"]) {
    const child = spawnNode(path.join(dir, "program", "src", "cli", script), [path.join(dir, config), "end"]);
    expect(await child.exited).toEqual({ code: 7, signal: null });
  }
});

test("without packages it says what to do", async () => {
  rmSync(path.join(dir, "program", "node_modules"));
  await expect(promisify(execFile)(process.execPath, [path.join(dir, "program", "src", "cli", "tidemark.js")])).rejects.toMatchObject({ code: 1, stderr: expect.stringMatching(/npm ci/) as string });
});
