import { execFileSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { downloadTemporal } from "../../scripts/lib/download-temporal.js";
import { getTemporalBinary } from "../../scripts/lib/get-temporal.js";
import { packagesAreCurrent } from "../../scripts/lib/packages.js";
import { withLock } from "../../src/local/lock.js";

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(path.join(os.tmpdir(), "tidemark-prepare-"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

describe("packages", () => {
  const entry = { version: "1.0.0", integrity: "sha512-a" };
  const lock = (packages: object): string => JSON.stringify({ packages: { "": {}, ...packages } });
  const write = (wanted: object, installed: object | null): void => {
    writeFileSync(path.join(dir, "package-lock.json"), lock(wanted));
    mkdirSync(path.join(dir, "node_modules", "a"), { recursive: true });
    writeFileSync(path.join(dir, "node_modules", "a", "package.json"), "{}");
    if (installed !== null) writeFileSync(path.join(dir, "node_modules", ".package-lock.json"), lock(installed));
  };

  test("are current when the versions are, whatever other platforms' packages are missing", () => {
    write({ "node_modules/a": entry, "node_modules/win": { ...entry, optional: true } }, { "node_modules/a": entry });
    expect(packagesAreCurrent(dir)).toBe(true);
  });

  test("are not when never installed, of another version, removed by hand, or hidden by a nested copy", () => {
    write({ "node_modules/a": entry }, null);
    expect(packagesAreCurrent(dir)).toBe(false);
    write({ "node_modules/a": entry }, { "node_modules/a": { ...entry, version: "1.0.1" } });
    expect(packagesAreCurrent(dir)).toBe(false);
    write({ "node_modules/a": entry, "node_modules/b": entry }, { "node_modules/a": entry, "node_modules/b": entry });
    expect(packagesAreCurrent(dir)).toBe(false);
    write({ "node_modules/a": entry }, { "node_modules/a": entry, "node_modules/a/node_modules/b": entry });
    expect(packagesAreCurrent(dir)).toBe(false);
  });
});

describe("the Temporal binary", () => {
  const script = "#!/bin/sh\necho temporal version 1.5.1\n";
  let server: Server;
  let site: string;

  beforeEach(async () => {
    const archive = path.join(dir, "served.tar.gz");
    const name = "cli/temporal-cli";
    mkdirSync(path.join(dir, "cli"));
    writeFileSync(path.join(dir, name), script, { mode: 0o755 });
    execFileSync("tar", ["-czf", archive, "-C", dir, name]);
    server = createServer((request, response) => {
      if (request.url?.startsWith("/cli/v1.5.1?")) response.end(JSON.stringify({ archiveUrl: `${site}/archive`, fileToExtract: name }));
      else if (request.url === "/archive") response.end(readFileSync(archive));
      else response.writeHead(404).end();
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    site = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterEach(() => server.close());

  const source = (from: string) => async (to: string) => {
    try {
      await downloadTemporal(to, "temporal", from);
      return null;
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  };

  test("is taken out of the archive that is downloaded, and appears complete", async () => {
    const bin = path.join(dir, "bin");
    mkdirSync(path.join(bin, "making-left"), { recursive: true });
    await getTemporalBinary(bin, () => undefined, [source(site)]);
    expect(readFileSync(path.join(bin, "temporal"), "utf8")).toBe(script);
    expect(readdirSync(bin)).toEqual(["temporal"]);
  });

  test("is got the next way when one fails; each reason is told when all do", async () => {
    const bin = path.join(dir, "bin");
    const build = (to: string) => {
      writeFileSync(path.join(to, "temporal"), script);
      return Promise.resolve(null);
    };
    const broken = (to: string) => {
      writeFileSync(path.join(to, "temporal"), "not a program");
      chmodSync(path.join(to, "temporal"), 0o755);
      return Promise.resolve(null);
    };
    await expect(getTemporalBinary(bin, () => undefined, [source("http://127.0.0.1:1"), source(`${site}/elsewhere`), broken])).rejects.toThrow(
      /127\.0\.0\.1:1 cannot be reached \(.+\)\n.*answered 404\n.*does not run on this machine\n[^]*TIDEMARK_TEMPORAL_CLI/,
    );
    expect(existsSync(path.join(bin, "temporal"))).toBe(false);
    await getTemporalBinary(bin, () => undefined, [source("http://127.0.0.1:1"), build]);
    expect(readdirSync(bin)).toEqual(["temporal"]);
  });
});

describe("a lock", () => {
  test("is held by one at a time, and given up after an error", async () => {
    const file = path.join(dir, "lock");
    let inside = 0;
    let most = 0;
    const work = async (n: number): Promise<number> => {
      most = Math.max(most, ++inside);
      await new Promise((resolve) => setTimeout(resolve, 20));
      inside--;
      if (n === 2) throw new Error("failed");
      return n;
    };
    const results = await Promise.allSettled([1, 2, 3].map((n) => withLock(file, () => work(n))));
    expect(results.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
    expect(most).toBe(1);
    expect(existsSync(file)).toBe(false);
  });

  test("of a process that died is taken over", async () => {
    const file = path.join(dir, "lock");
    writeFileSync(file, JSON.stringify({ pid: process.pid, identity: "an earlier process of this id" }));
    expect(await withLock(file, () => "taken", { timeoutMs: 2_000 })).toBe("taken");
    expect(readdirSync(dir)).toEqual([]);
  });
});
