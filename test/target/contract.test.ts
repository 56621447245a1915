import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import type { QeasyTargetConfig, TargetConfig } from "../../src/config/types.ts";
import { startQeasy } from "../../src/simulator/qeasy/server.ts";
import type { OutRecord, SendGuard, Target } from "../../src/target/contract.ts";
import { deliver } from "../../src/target/deliver.ts";
import { createTarget } from "../../src/target/open.ts";
import { type DatabaseKind, DATABASES, type TestDatabase } from "../support/databases.ts";
import { qeasyTarget, SENDING, tableTarget } from "../support/pipeline.ts";

/** A kind of target with a real other end. */
interface Kind {
  name: string;
  skip?: boolean;
  /** Whether it refuses an older version itself. */
  compares: boolean;
  /** An id that it refuses; null: it takes every one. */
  refuses: string | null;
  start: () => Promise<{ config: TargetConfig; amounts: () => Promise<Map<string, string>>; end: () => Promise<void> }>;
  /** What of its config leads nowhere, and what is a wrong secret. */
  unreachable: object | null;
  misconfigured: (config: TargetConfig) => object;
}

/** A table's ids and amounts, by a connection of the test's own; nothing where there is no table. */
async function tableAmounts(database: TestDatabase): Promise<Map<string, string>> {
  const rows = await database.query("select id, amount from orders").catch(() => []);
  // MySQL's decimals have ten places.
  return new Map(rows.map(({ id, amount }) => [id!, amount!.replace(/(\.\d\d)0+$/, "$1")]));
}

const startTable = async ({ use, open }: DatabaseKind) => {
  const database = await open();
  return { config: tableTarget({ use, url: database.url }), amounts: () => tableAmounts(database), end: () => Promise.resolve() };
};
const qeasy = (name: string, more: Partial<QeasyTargetConfig>): Kind => ({
  name, compares: false, refuses: "refused", unreachable: { baseUrl: "http://127.0.0.1:9" }, misconfigured: () => ({ headers: { Authorization: "Bearer wrong" } }),
  async start() {
    const simulator = await startQeasy({ secret: "s", refuseIds: ["refused"] });
    const config = qeasyTarget({ baseUrl: simulator.url, headers: { Authorization: "Bearer s" }, heldUrl: `${simulator.url}/_admin/records`, ...more });
    const amounts = async () => {
      const ids = (await (await fetch(config.heldUrl!)).text()).trim().split("\n").filter(Boolean).map((line) => (JSON.parse(line) as { id: string }).id);
      return new Map(await Promise.all(ids.map(async (id) => [id, /"amount":([^,}]+)/.exec(await (await fetch(`${simulator.url}/_admin/record?id=${id}`)).text())![1]!] as const)));
    };
    return { config, amounts, end: () => simulator.close() };
  },
});
const KINDS: Kind[] = [
  qeasy("Qeasy", {}),
  qeasy("Qeasy, one record a request", { body: "single" }),
  {
    name: "Qeasy with an envelope", compares: false, refuses: "refused", unreachable: { baseUrl: "http://127.0.0.1:9" }, misconfigured: () => ({ api: "another" }),
    async start() {
      const simulator = await startQeasy({ envelope: "datas", refuseIds: ["refused"] });
      const config = qeasyTarget({ baseUrl: simulator.url, body: { source: "tidemark", datas: "$records" }, heldUrl: `${simulator.url}/_admin/records` });
      const amounts = async () => new Map((await Promise.all(["1", "2", "3", "refused"].map(async (id) => [id, /"amount":([^,}]+)/.exec(await (await fetch(`${simulator.url}/_admin/record?id=${id}`)).text())?.[1]] as const)))
        .filter((entry): entry is [string, string] => entry[1] !== undefined));
      return { config, amounts, end: () => simulator.close() };
    },
  },
  ...DATABASES.map((database): Kind => ({
    name: database.name, skip: database.skip, compares: true,
    ...(database.use === "postgres" ? { refuses: "nul\0", unreachable: { url: "postgres://nobody@127.0.0.1:9/none" } } : { refuses: "long".repeat(100), unreachable: { url: "mysql://nobody@127.0.0.1:9/none" } }),
    misconfigured: (config) => {
      const url = new URL((config as { url: string }).url);
      if (database.use === "postgres") url.password = "wrong";
      else url.pathname = "/nowhere";
      return { url: url.href };
    },
    start: () => startTable(database),
  })),
  {
    name: "the example in examples/", compares: true, refuses: null, unreachable: null, misconfigured: () => ({ options: { folder: "not/absolute" } }),
    start() {
      const folder = mkdtempSync(path.join(os.tmpdir(), "tidemark-lines-"));
      const amounts = () => {
        const newest = new Map<string, { version: string; amount: string }>();
        for (const name of readdirSync(folder).filter((one) => one.endsWith(".jsonl"))) {
          for (const line of readFileSync(path.join(folder, name), "utf8").trim().split("\n")) {
            const { id, version } = JSON.parse(line) as { id: string; version: string };
            if (BigInt(version) > BigInt(newest.get(id)?.version ?? -1)) newest.set(id, { version, amount: /"amount":([^,}]+)/.exec(line)![1]! });
          }
        }
        return Promise.resolve(new Map([...newest].map(([id, { amount }]) => [id, amount])));
      };
      const module = path.resolve("examples/json-lines-target.ts");
      return Promise.resolve({ config: { ...SENDING, use: "module", module, file: module, options: { folder } }, amounts, end: async () => rmSync(folder, { recursive: true, force: true }) });
    },
  },
];

const record = (id: string, version = "20260101000000455", amount = "206.10"): OutRecord => ({ id, recordId: id, sourceId: id, version, slice: "7", json: `{"id":${JSON.stringify(id)},"ts":${version},"amount":${amount}}` });
const guard: SendGuard = { signal: new AbortController().signal, beforeWrite: () => undefined };

describe.each(KINDS)("$name", (kind) => {
  const ends: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const end of ends.splice(0).toReversed()) await end();
  });

  async function open(change: (config: TargetConfig) => object = () => ({})) {
    const started = await kind.start();
    ends.push(started.end);
    return { ...started, target: made({ ...started.config, ...change(started.config) }) };
  }

  function made(config: TargetConfig): Target {
    const target = createTarget(config);
    ends.push(async () => target.close?.());
    return target;
  }

  async function held(target: Target): Promise<Record<string, string | null>> {
    const found: Record<string, string | null> = {};
    for await (const page of target.held!(guard.signal)) for (const { id, version } of page) found[id] = version;
    return found;
  }

  const it = test.skipIf(kind.skip === true);

  /** In requests of as many as the target takes. */
  async function sendAll(target: Target, records: OutRecord[], key: string): Promise<void> {
    for (let at = 0; at < records.length; at += target.recordsPerRequest) await target.send(records.slice(at, at + target.recordsPerRequest), `${key}-${at}`, guard);
  }

  it("takes records with every digit, and lists them with their versions", async () => {
    const { target, amounts } = await open();
    await sendAll(target, [record("1", "20260101000000455"), record("2", "9", "-9007199254740993.25"), record("3", "100")], "k1");
    expect(await amounts()).toEqual(new Map([["1", "206.10"], ["2", "-9007199254740993.25"], ["3", "206.10"]]));
    expect(await held(target)).toEqual({ 1: "20260101000000455", 2: "9", 3: "100" });
  });

  it("the same batch again, and by another worker, changes nothing; a newer version replaces", async () => {
    const { target, config, amounts } = await open();
    for (const sender of [target, target, made(config)]) await sendAll(sender, [record("1", "99"), record("2", "99")], "k1");
    await target.send([record("2", "100", "3.00")], "k2", guard);
    expect(await amounts()).toEqual(new Map([["1", "206.10"], ["2", "3.00"]]));
    expect(await held(target)).toEqual({ 1: "99", 2: "100" });
  });

  if (kind.compares) it("an older version that comes late leaves the newer one, and goes well with others in its batch", async () => {
    const { target, amounts } = await open();
    await target.send([record("1", "100", "100.00")], "k1", guard);
    await target.send([record("1", "99", "99.00"), record("2", "99", "99.00")], "k2", guard);
    expect(await amounts()).toEqual(new Map([["1", "100.00"], ["2", "99.00"]]));
    expect(await held(target)).toEqual({ 1: "100", 2: "99" });
  });

  it("nothing is written when it may not be any more", async () => {
    const { target, amounts } = await open();
    await target.send([record("2", "1")], "k0", guard);
    const late = new Error("too late");
    await expect(target.send([record("1")], "k1", { ...guard, beforeWrite: () => { throw late; } })).rejects.toThrow("too late");
    expect([...(await amounts()).keys()]).toEqual(["2"]);
  });

  it("a refused record is found among the others, which are taken", async () => {
    const { target, amounts } = await open();
    const records = [record("1"), record("2"), ...(kind.refuses === null ? [] : [record(kind.refuses)]), record("3")];
    const { loaded, refused } = await deliver(target, records, "a", 3, () => Promise.resolve({ allowed: new Set(records.map(({ id }) => id)), guard }));
    expect(loaded.map(({ id }) => id)).toEqual(["1", "2", "3"]);
    expect(refused.map(({ record: { id }, error }) => [id, error.code])).toEqual(kind.refuses === null ? [] : [[kind.refuses, "TM_TARGET_REFUSED"]]);
    expect([...(await amounts()).keys()].toSorted()).toEqual(["1", "2", "3"]);
  });

  it("a record above the limit of bytes is set aside alone, and what is more than a request may carry goes in several", async () => {
    const { target, amounts } = await open(() => ({ maxBytes: 200 }));
    const records = [record("1"), record("big", "1", "1".repeat(300)), record("2"), record("3")];
    const { loaded, refused } = await deliver(target, records, "a", 3, () => Promise.resolve({ allowed: new Set(records.map(({ id }) => id)), guard }));
    expect(refused.map(({ record: { id }, error }) => [id, error.code])).toEqual([["big", "TM_RECORD_TOO_LARGE"]]);
    expect(loaded).toHaveLength(3);
    expect([...(await amounts()).keys()].toSorted()).toEqual(["1", "2", "3"]);
  });

  it("says that it can be reached, and writes no record for that", async () => {
    const { target, amounts } = await open();
    expect(await target.check(guard.signal)).not.toBe("");
    expect(await amounts()).toEqual(new Map());
  });

  it("set up wrongly it makes the records wait", async () => {
    const { target } = await open(kind.misconfigured);
    await expect(target.send([record("1")], "k", guard)).rejects.toMatchObject({ name: "TargetError", kind: "misconfigured" });
    await expect(target.check(guard.signal)).rejects.toMatchObject({ kind: "misconfigured" });
  });

  if (kind.unreachable !== null) it("out of reach it is tried again", async () => {
    const { target } = await open(() => kind.unreachable!);
    await expect(target.send([record("1")], "k", guard)).rejects.toMatchObject({ name: "TargetError", kind: "retry", code: "TM_TARGET_UNREACHABLE" });
  });

  it("cancelled, it stops with the reason", async () => {
    const { target } = await open();
    const reason = new Error("cancelled");
    await expect(target.send([record("1")], "k", { ...guard, signal: AbortSignal.abort(reason) })).rejects.toThrow("cancelled");
  });
});

test("a module that fails is tried again, one without a function is a mistake of the config, and one's own kinds of error count", async () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), "tidemark-module-"));
  const send = (name: string, text: string) => {
    const file = path.join(folder, `${name}.ts`);
    writeFileSync(file, text);
    return createTarget({ ...SENDING, use: "module", module: `./${name}.ts`, file, options: {} }).send([record("1")], "k", guard);
  };
  await expect(send("throws", 'export default () => ({ send: async (records: unknown[]) => { throw new Error("no " + records.length); } });'))
    .rejects.toMatchObject({ kind: "retry", code: "TM_TARGET_MODULE", message: "the target ./throws.ts failed: no 1" });
  await expect(send("empty", "export default 7;")).rejects.toMatchObject({ kind: "misconfigured", code: "TM_TARGET_MODULE" });
  await expect(send("sendless", "export default () => ({ check: async () => '' });")).rejects.toMatchObject({ kind: "misconfigured", code: "TM_TARGET_MODULE" });
  await expect(createTarget({ ...SENDING, use: "module", module: "./nope.ts", file: path.join(folder, "nope.ts"), options: {} }, "pipelines.orders.target").check(guard.signal)).rejects.toMatchObject({
    kind: "misconfigured", code: "TM_TARGET_MODULE", path: "pipelines.orders.target.use", message: `${path.join(folder, "nope.ts")} is not there`, fix: expect.stringContaining("path of the module") as string,
  });
  await expect(send("broken", "export default (;")).rejects.toMatchObject({ code: "TM_CONFIG_SYNTAX" });
  await expect(send("own", 'import { defineTarget, TargetError } from "tidemark"; export default defineTarget(() => ({ check: async () => "", send: async () => { throw new TargetError("refused", "MY_CODE", "no", { details: { received: "x" } }); } }));'))
    .rejects.toMatchObject({ kind: "refused", code: "MY_CODE", details: { received: "x" } });
  await expect(send("slow", "export default () => ({ send: () => new Promise(() => {}) });")).rejects.toMatchObject({ kind: "retry", code: "TM_TARGET_UNREACHABLE" });
  rmSync(folder, { recursive: true });
});
