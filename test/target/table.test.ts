import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { TableTargetConfig } from "../../src/config/types.ts";
import type { OutRecord, SendGuard, Target } from "../../src/target/contract.ts";
import { createTarget } from "../../src/target/open.ts";
import { DATABASES, type TestDatabase } from "../support/databases.ts";
import { startLink } from "../support/link.ts";
import { tableTarget } from "../support/pipeline.ts";

const guard: SendGuard = { signal: new AbortController().signal, beforeWrite: () => undefined };
let ts = 100;
const record = (id: string, fields: string, version = String(ts++)): OutRecord => ({ id, recordId: id, sourceId: id, version, slice: "7", json: `{"id":${JSON.stringify(id)}${fields === "" ? "" : `,${fields}`}}` });

describe.each(DATABASES)("$name", ({ use, skip, open }) => {
  const it = test.skipIf(skip);
  const postgres = use === "postgres";
  const q = (name: string) => (postgres ? `"${name}"` : `\`${name}\``);
  let database: TestDatabase;
  const targets: Target[] = [];
  beforeEach(async () => {
    if (!skip) database = await open();
  });
  afterEach(async () => {
    for (const target of targets.splice(0)) await target.close?.();
  });

  function target(changes: Partial<TableTargetConfig> = {}): Target {
    const made = createTarget(tableTarget({ use, url: database.url, ...changes }));
    targets.push(made);
    return made;
  }

  const send = (to: Target, ...records: OutRecord[]) => to.send(records, "k", guard);
  const rows = (columns: string, more = "order by id") => database.query(`select ${columns} from orders ${more}`);
  const types = async () => Object.fromEntries((await database.query(`select column_name as name, data_type as type from information_schema.columns where table_name = 'orders' and table_schema = ${postgres ? "'public'" : "database()"}`)).map(({ name, type }) => [name, type]));

  it("columns get their types from the values, and every digit and character is kept", async () => {
    const text = 'Ünï\\u0063ode 中文 🙂 \\"q\\" \\\\ \' ? $1 %s';
    await send(target(), record("1", `"n":20260101000000455,"big":123456789012345678901,"d":206.10,"e":1.5e3,"b":true,"t":${JSON.stringify(JSON.parse(`"${text}"`))},"time":"2026-01-01 08:30:00","none":null,"empty":"","o":{"x":[1.10]},"l":[1,2.50]`));
    const [row] = await rows("*");
    expect(row).toMatchObject({
      n: "20260101000000455", b: postgres ? "t" : "1", t: JSON.parse(`"${text}"`) as string, time: "2026-01-01 08:30:00",
      o: postgres ? '{"x": [1.10]}' : '{"x":[1.10]}', l: postgres ? "[1, 2.50]" : "[1,2.50]", _version: expect.any(String) as string, _slice: "7",
    });
    expect([row!["big"], row!["d"], row!["e"]]).toEqual(postgres ? ["123456789012345678901", "206.10", "1500"] : ["123456789012345678901.0000000000", "206.1000000000", "1500.0000000000"]);
    expect(await types()).toMatchObject(postgres
      ? { id: "text", n: "bigint", big: "numeric", d: "numeric", b: "boolean", t: "text", time: "text", o: "jsonb", _loaded_at: "timestamp with time zone" }
      : { id: "varchar", n: "bigint", big: "decimal", d: "decimal", b: "tinyint", t: "longtext", time: "longtext", o: "longtext", _loaded_at: "datetime" });
    expect(row).not.toHaveProperty("none");
    expect(row).not.toHaveProperty("empty");
    expect(Math.abs(Date.parse(`${row!["_loaded_at"]!.replace(" ", "T").replace(/\+00$/, "")}Z`) - Date.now())).toBeLessThan(60_000);
  });

  it("new fields widen the table, and what a newer version no longer has is null", async () => {
    const to = target();
    await send(to, record("1", '"a":1'));
    await send(to, record("1", '"b":"x"'), record("2", '"a":2,"c":0.5'));
    await send(target(), record("3", '"a":3'));
    expect(await rows("id, a, b")).toEqual([{ id: "1", a: null, b: "x" }, { id: "2", a: "2", b: null }, { id: "3", a: "3", b: null }]);
  });

  it("the same version in the form of another mapping replaces the row, and its lists", async () => {
    const to = target({ items: "tables" });
    await send(to, record("1", '"a":1,"lines":[{"sku":"x"},{"sku":"y"}]', "50"));
    await send(to, record("1", '"b":2,"lines":[{"code":"x"}]', "50"));
    expect(await rows("id, a, b, _version")).toEqual([{ id: "1", a: null, b: "2", _version: "50" }]);
    expect(await database.query("select sku, code from orders_lines")).toEqual([{ sku: null, code: "x" }]);
  });

  it("values of several kinds in a new column: whole numbers and others are numbers, all else is text; a text takes everything", async () => {
    await send(target(), record("1", '"n":1,"m":"a","s":""'), record("2", '"n":1.50,"m":20260101000000455,"s":"x"'), record("3", '"n":"","m":{"y":1},"s":true'));
    expect(await rows("m, s")).toEqual([{ m: "a", s: "" }, { m: "20260101000000455", s: "x" }, { m: '{"y":1}', s: "true" }]);
    expect((await rows("n")).map(({ n }) => (n === null ? null : Number(n)))).toEqual([1, 1.5, null]);
  });

  it.each([
    ["n", "1.5"], ["n", '"abc"'], ["n", "9223372036854775808"], ["n", "true"], ["d", '"1,5"'], ["b", "1"], ...(postgres ? [] : [["d", "0.12345678901"]]),
  ])("a value that the column %s does not take (%s) is refused with column, value and fix, and changes nothing", async (column, value) => {
    const to = target();
    await send(to, record("1", '"n":1,"d":1.5,"b":true'));
    const before = await types();
    await expect(send(to, record("2", `"${column}":${value}`))).rejects.toMatchObject({
      kind: "refused", code: "TM_TARGET_TYPE", path: `target.types.${column}`, details: { received: value }, message: expect.stringContaining(`"${column}"`) as string, fix: expect.stringContaining("target.types") as string,
    });
    expect(await types()).toEqual(before);
    await send(to, record("3", `"${column}":null`), record("4", `"${column}":""`), record("5", '"n":"-7","d":"3"'));
    expect((await rows("id")).map(({ id }) => id)).toEqual(["1", "3", "4", "5"]);
  });

  it("a declared type is the consent to change a column; its values stay", async () => {
    await send(target(), record("1", '"n":20260101000000455,"at":"2026-01-01 08:30:00.5"'));
    const to = target({ types: { n: "text", at: "timestamp" } });
    await send(to, record("2", '"n":"abc","at":"2026-01-01T00:30:00Z"'), record("3", '"n":7,"at":"0001-01-01 00:00:00"'));
    expect(await rows("n")).toEqual([{ n: "20260101000000455" }, { n: "abc" }, { n: "7" }]);
    expect((await rows("at")).map(({ at }) => at?.slice(0, 19) ?? null).slice(1)).toEqual(["2026-01-01 00:30:00", null]);
    await expect(send(to, record("4", '"at":"soon"'))).rejects.toMatchObject({ code: "TM_TARGET_TYPE" });
  });

  it("times declared as such are kept as UTC", async () => {
    await send(target({ types: { at: "timestamp" } }), record("1", '"at":"2026-01-01 08:30:00"'));
    expect((await rows("at"))[0]!["at"]!.slice(0, 19)).toBe("2026-01-01 00:30:00");
  });

  it("only the listed fields, or the whole record as JSON", async () => {
    await send(target({ columns: ["a"] }), record("1", '"a":1,"b":2'));
    expect(Object.keys(await types()).toSorted()).toEqual(["_loaded_at", "_order", "_slice", "_version", "a", "id"]);
    await database.query("alter table orders add column note varchar(9)");
    await database.query("update orders set note = 'mine'");
    await send(target({ columns: ["a"] }), record("1", '"b":2'));
    expect(await rows("a, note")).toEqual([{ a: null, note: "mine" }]);
    await send(target({ table: "whole", columns: "json" }), record("1", '"a":1.10,"b":{"c":20260101000000455}'));
    const data = (await database.query("select data from whole"))[0]!["data"]!.replaceAll(" ", "");
    for (const part of ['"id":"1"', '"a":1.10', '"b":{"c":20260101000000455}']) expect(data).toContain(part);
  });

  it("lists of objects go to tables of their own; a newer record's list replaces the older one's, an older record's does not", async () => {
    const to = target({ items: "tables" });
    await send(to, record("1", '"items":[{"sku":"a","qty":1},{"sku":"b","qty":2.50}],"tags":["x"]', "10"), record("2", '"items":[{"sku":"c"}]', "10"));
    const items = () => database.query(`select ${q("_parent")} as parent, ${q("_position")} as position, sku from orders_items order by 1, 2`);
    expect(await items()).toEqual([{ parent: "1", position: "1", sku: "a" }, { parent: "1", position: "2", sku: "b" }, { parent: "2", position: "1", sku: "c" }]);
    await send(target({ items: "tables" }), record("1", '"items":[{"sku":"z","more":true}]', "11"), record("2", '"items":[{"sku":"old"},{"sku":"old"}]', "9"));
    expect(await items()).toEqual([{ parent: "1", position: "1", sku: "z" }, { parent: "2", position: "1", sku: "c" }]);
    await send(to, record("1", '"items":[]', "12"), record("2", "", "12"));
    expect(await items()).toEqual([]);
    expect(Object.keys(await types())).toContain("tags");
  });

  it("lists of another table whose name begins alike stay as they are", async () => {
    const archive = target({ table: "orders_archive", items: "tables" });
    await send(archive, record("1", '"items":[{"sku":"kept"}]'));
    await send(target({ items: "tables" }), record("1", '"items":[{"sku":"a"}]'));
    await send(target({ items: "tables" }), record("1", '"items":[]'));
    expect(await database.query("select sku from orders_archive_items")).toEqual([{ sku: "kept" }]);
    expect(await database.query("select sku from orders_items")).toEqual([]);
    await send(archive, record("1", '"items":null'));
    expect(await database.query("select sku from orders_archive_items")).toEqual([]);
  });

  it("a list that a table does not take leaves its record as it was", async () => {
    const to = target({ items: "tables" });
    await send(to, record("1", '"a":1,"items":[{"qty":1}]', "10"));
    await expect(send(to, record("1", '"a":2,"items":[{"qty":"many"}]', "11"))).rejects.toMatchObject({ code: "TM_TARGET_TYPE" });
    await database.query(postgres ? "alter table orders_items add check (qty < 5)" : "alter table orders_items add constraint c check (qty < 5)");
    await expect(send(to, record("1", '"a":3,"items":[{"qty":9}]', "12"))).rejects.toMatchObject({ kind: "refused" });
    expect(await rows("a")).toEqual([{ a: "1" }]);
    expect(await database.query("select qty from orders_items")).toEqual([{ qty: "1" }]);
    await send(to, record("1", '"a":4,"items":[{"qty":2}]', "13"));
    expect(await database.query("select qty from orders_items")).toEqual([{ qty: "2" }]);
  });

  it("names are quoted; long ones are shortened, the same each time and different for different fields", async () => {
    const long = "很长的字段名".repeat(12);
    const to = target({ table: 'odd "`? table' });
    const fields = (first: string) => `"select":1,"a\\"\`?b":2,"${long}一":"${first}","${long}二":"z"`;
    await send(to, record("1", fields("x")));
    await send(target({ table: 'odd "`? table' }), record("1", fields("y")));
    const [row] = await database.query(`select * from ${postgres ? '"odd ""`? table"' : '`odd "``? table`'}`);
    expect(row).toMatchObject({ select: "1", 'a"`?b': "2" });
    const shortened = Object.keys(row!).filter((name) => name.startsWith("很长"));
    expect(shortened.map((name) => row![name])).toEqual(["y", "z"]);
    for (const name of shortened) expect(postgres ? Buffer.byteLength(name) : name.length).toBeLessThanOrEqual(postgres ? 63 : 64);
  });

  it("a field that would share a column is refused", async () => {
    const to = target();
    await expect(send(to, record("1", '"_version":1'))).rejects.toMatchObject({ kind: "refused", code: "TM_TARGET_COLUMN" });
    if (postgres) return send(to, record("1", '"Name":1,"name":2'));
    await expect(send(to, record("1", '"Name":1,"name":2'))).rejects.toMatchObject({ kind: "refused", code: "TM_TARGET_COLUMN" });
    await send(to, record("1", '"Name":1'));
    await expect(send(target(), record("1", '"name":1'))).rejects.toMatchObject({ kind: "refused", code: "TM_TARGET_COLUMN" });
  });

  it("several workers that make and widen the table at once do not get in each other's way", async () => {
    const workers = Array.from({ length: 4 }, () => target());
    await Promise.all(workers.map((to, i) => send(to, record(`${i}`, `"a":1,"w${i}":1`))));
    await Promise.all(workers.map((to, i) => send(to, record(`${i + 10}`, `"a":1,"x${i % 2}":1,"y${i}":1`))));
    expect(await rows("id")).toHaveLength(8);
  });

  it("a table of somebody's own is filled as it is: its types decide, and what the database fills stays", async () => {
    await database.query(postgres
      ? "create table orders (id bigint primary key, amount numeric(10,2), code char(3), day date, noted text default 'n', twice numeric generated always as (amount * 2) stored)"
      : "create table orders (id bigint primary key, amount decimal(10,2), code char(3), day date, noted varchar(9) default 'n', twice decimal(10,2) as (amount * 2) stored)");
    const to = target();
    await send(to, record("1", '"amount":206.100,"code":"abc","day":"2026-01-02"'));
    expect(await rows("id, amount, code, day, noted, twice")).toEqual([{ id: "1", amount: "206.10", code: "abc", day: "2026-01-02", noted: "n", twice: "412.20" }]);
    for (const [field, code] of [['"amount":0.125', "TM_TARGET_TYPE"], ['"amount":1234567890', "TM_TARGET_TYPE"], ['"code":"abcd"', "TM_TARGET_REFUSED"], ['"day":"soon"', "TM_TARGET_REFUSED"]] as const) {
      await expect(send(to, record("2", field))).rejects.toMatchObject({ kind: "refused", code });
    }
    expect(await to.check(guard.signal)).toMatch(/10 columns/);
  });

  it("a table without the key, or with another unique index that could hit a wrong row, is not written to", async () => {
    await database.query("create table orders (id varchar(9), so varchar(9))");
    await expect(send(target(), record("1", '"so":"x"'))).rejects.toMatchObject({ kind: "misconfigured", code: "TM_TARGET_TABLE" });
    await database.query("drop table orders");
    await database.query("create table orders (id varchar(9) primary key, so varchar(9) unique)");
    const made = target();
    if (!postgres) return expect(send(made, record("1", '"so":"x"'))).rejects.toMatchObject({ kind: "misconfigured", code: "TM_TARGET_TABLE", message: expect.stringContaining("so") as string });
    await send(made, record("1", '"so":"x"'));
    await expect(send(made, record("2", '"so":"x"'))).rejects.toMatchObject({ kind: "refused" });
    expect(await rows("id")).toEqual([{ id: "1" }]);
  });

  it("ids that differ in case or marks are different; one that ends in a blank is refused", async () => {
    await send(target(), record("a", ""), record("A", ""), record("á", ""));
    expect(await rows("id")).toHaveLength(3);
    await expect(send(target(), record("a ", ""))).rejects.toMatchObject({ kind: "refused" });
  });

  it("a column that another worker has made is null in a newer version that does not have it", async () => {
    const [one, other] = [target(), target()];
    await send(one, record("1", '"a":1'), record("2", '"a":1'));
    await send(other, record("1", '"a":1,"b":7'), record("2", '"a":1,"b":7'));
    await send(one, record("1", '"a":2,"b":null'), record("2", '"a":2'));
    expect(await rows("a, b")).toEqual([{ a: "2", b: null }, { a: "2", b: null }]);
  });

  it("a table or column dropped under a running worker is made again", async () => {
    const to = target();
    await send(to, record("1", '"a":1,"b":1'));
    for (const statement of ["alter table orders drop column b", "drop table orders"]) {
      await database.query(statement);
      await send(to, record("1", '"a":1,"b":1'));
    }
    expect(await rows("a, b")).toEqual([{ a: "1", b: "1" }]);
  });

  it("row versions are compared as numbers, modified times as times; without either the later one stands", async () => {
    const to = target();
    const order: [string, string][] = [
      ["9", "9"], ["10", "10"], ["9", "10"], ["20260101000000456", "20260101000000456"], ["20260101000000455", "20260101000000456"],
      // A time and a hash: another kind, which cannot be compared with a row version.
      ["1767225600000:aa", "1767225600000:aa"], ["1767225600000:bb", "1767225600000:bb"], ["1767225599999:cc", "1767225600000:bb"], ["1767225600001:cc", "1767225600001:cc"],
      ["f".repeat(64), "f".repeat(64)], ["0".repeat(64), "0".repeat(64)], ["7", "7"],
    ];
    for (const [version, expected] of order) {
      await send(to, record("1", `"v":"${version}"`, version));
      expect(await rows(`v, ${q("_version")}`)).toEqual([{ v: expected, _version: expected }]);
    }
  });

  it("a sender whose network held its statement back cannot overwrite what was sent since", async () => {
    const direct = target();
    await send(direct, record("1", '"v":"first"', "1"));
    const { host } = new URL(database.url);
    const link = await startLink(host);
    try {
      const frozen = target({ url: Object.assign(new URL(database.url), { host: link.address }).href, timeoutMs: 30_000 });
      await send(frozen, record("1", '"v":"second"', "2"));
      let written = false;
      const late = frozen.send([record("1", '"v":"third"', "3")], "k", { ...guard, beforeWrite: () => { link.stall(); written = true; } });
      await expect.poll(() => written).toBe(true);
      await send(direct, record("1", '"v":"fourth"', "4"));
      link.mend();
      await late;
      expect(await rows("v")).toEqual([{ v: "fourth" }]);
    } finally {
      await targets.pop()!.close?.();
      await link.close();
    }
  });

  it("a network that swallows everything is given up in time, whatever was asked", async () => {
    const link = await startLink(new URL(database.url).host);
    try {
      const to = target({ url: Object.assign(new URL(database.url), { host: link.address }).href, timeoutMs: 700 });
      await send(to, record("1", '"a":1'));
      link.stall();
      const gone = { kind: "retry", code: "TM_TARGET_UNREACHABLE" };
      await expect(send(to, record("1", '"a":2'))).rejects.toMatchObject(gone);
      await expect(to.check(guard.signal)).rejects.toMatchObject(gone);
      await expect(to.held!(guard.signal)[Symbol.asyncIterator]().next()).rejects.toMatchObject(gone);
      link.mend();
      await send(to, record("1", '"a":3'));
      expect(await rows("a")).toEqual([{ a: "3" }]);
    } finally {
      await targets.pop()!.close?.();
      await link.close();
    }
  });

  it("a statement that waits for a lock is given up in time, and tried again", async () => {
    const to = target({ timeoutMs: 1_000 });
    await send(to, record("1", '"a":1'));
    const lock = database.query(postgres ? "begin; update orders set a = 2; select pg_sleep(3); rollback" : "begin; update orders set a = 2; select sleep(3); rollback");
    await new Promise((resolve) => setTimeout(resolve, 500));
    await expect(send(to, record("1", '"a":3'))).rejects.toMatchObject({ kind: "retry" });
    await lock;
    await send(to, record("1", '"a":4'));
    expect(await rows("a")).toEqual([{ a: "4" }]);
  });

  it("what is held is listed to the last row, without a table nothing", async () => {
    const to = target({ batchSize: 5_000 });
    const list = async () => {
      const found: string[] = [];
      for await (const page of to.held!(guard.signal)) found.push(...page.map(({ id }) => id));
      return found;
    };
    expect(await list()).toEqual([]);
    await send(to, ...Array.from({ length: 2_500 }, (_, i) => record(`${i}`, '"a":1')));
    expect(new Set(await list()).size).toBe(2_500);
    expect(await list()).toHaveLength(2_500);
  });

  it("check names the rights that are missing", async () => {
    await send(target(), record("1", '"a":1'));
    const name = `reader_${ts}_${process.pid}`;
    const url = Object.assign(new URL(database.url), { username: name, password: "p" });
    const base = url.pathname.slice(1);
    await database.query(postgres ? `create role ${name} login password 'p'; grant select, insert on orders to ${name}` : `create user ${name} identified by 'p'; grant select, insert on ${base}.* to ${name}`);
    try {
      const poor = target({ url: url.href });
      await expect(poor.check(guard.signal)).rejects.toMatchObject({ kind: "misconfigured", code: "TM_TARGET_CONFIG", message: expect.stringMatching(/may not update, alter/) as string });
      await expect(target({ url: url.href, table: "another" }).check(guard.signal)).rejects.toMatchObject({ message: expect.stringMatching(/may not .*create/) as string });
      await expect(send(poor, record("1", '"a":2'))).rejects.toMatchObject({ kind: "misconfigured", code: "TM_TARGET_CONFIG" });
    } finally {
      for (const one of targets.splice(-2)) await one.close?.();
      await database.query(postgres ? `drop owned by ${name}; drop role ${name}` : `drop user ${name}`);
    }
    expect(await target().check(guard.signal)).toMatch(/orders has 6 columns and can be written to/);
    expect(await target({ table: "another" }).check(guard.signal)).toMatch(/not there yet/);
  });
});
