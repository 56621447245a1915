import { describe, expect } from "vitest";
import type { MappingConfig } from "../../src/mapping/types.ts";
import { DATABASES } from "../support/databases.ts";
import { guard, record, send, tableTools } from "../support/table-tools.ts";

describe.each(DATABASES)("$name", (kind) => {
  const { it, postgres, database, targets, target, rows, quoted: q } = tableTools(kind);
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

  it("a type that the mapping names is the column's, before any value came, in lists' tables too; a declared one goes before it", async () => {
    const mapping = { id: "o_id", record: { fields: {
      total: { from: "pay_amount", type: "decimal", scale: 2 }, paid: { from: "pay_date", type: "datetime" }, flag: { from: "x", type: "boolean" }, count: { from: "n", type: "integer" }, code: { from: "c", type: "text" },
      day: { from: "pay_date", type: "datetime", to: "yyyy-MM-dd" }, odd: { from: "y", type: "integer", missing: { default: "none" } }, hidden: { from: "z", type: "decimal", mask: "hash" },
      lines: { each: "items", fields: { price: { from: "price", type: "decimal" } } },
    } } } as const satisfies MappingConfig;
    const to = target({ items: "tables", types: { count: "text" } }, mapping);
    await send(to, record("1", '"total":null,"paid":null,"flag":null,"count":null,"code":null,"day":null,"odd":null,"hidden":null'));
    const made = await types();
    expect(made).toMatchObject(postgres
      ? { total: "numeric", paid: "timestamp with time zone", flag: "boolean", count: "text", code: "text" }
      : { total: "decimal", paid: "datetime", flag: "tinyint", count: "longtext", code: "longtext" });
    for (const name of ["day", "odd", "hidden"]) expect(made).not.toHaveProperty(name);
    await send(to, record("2", '"total":"206.10","paid":"2026-01-01T00:30:00.000+08:00","flag":true,"count":7,"code":"a","day":"2026-01-01","odd":"none","hidden":"f00","lines":[{"price":"1.50"}]'));
    const [row] = await rows("total, paid, count, day, odd", "where id = '2'");
    expect(row).toMatchObject({ total: postgres ? "206.10" : "206.1000000000", paid: expect.stringMatching(/^2025-12-31 16:30:00/) as string, count: "7", day: "2026-01-01", odd: "none" });
    expect(await database.query(`select price + 1 as more from orders_lines`)).toEqual([{ more: postgres ? "2.50" : "2.5000000000" }]);
    // Another type in the mapping is no consent to write the table anew.
    const changed = target({ items: "tables" }, { ...mapping, record: { fields: { total: { from: "pay_amount", type: "text" } } } });
    await send(changed, record("3", '"total":"5"'));
    await expect(send(changed, record("4", '"total":"about 5"'))).rejects.toMatchObject({ code: "TM_TARGET_TYPE" });
    expect((await types())["total"]).toBe(made["total"]);
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
    const name = `reader_${process.pid}`;
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
