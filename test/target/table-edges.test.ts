import { describe, expect } from "vitest";
import type { OutRecord } from "../../src/target/contract.ts";
import { DATABASES } from "../support/databases.ts";
import { guard, record, send, tableTools } from "../support/table-tools.ts";

describe.each(DATABASES)("$name: what it would take without a word", (kind) => {
  const { it, postgres, database, targets, target, rows } = tableTools(kind, { timeoutMs: 30_000 });
  // Cases of one kind of database only are no cases of the other.
  const inPostgres = (name: string, work: () => Promise<void>) => (postgres ? it(name, work) : undefined);
  const inMysql = (name: string, work: () => Promise<void>) => (postgres ? undefined : it(name, work));

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

  it("two ids that a number's column takes for one are not one order", async () => {
    await database.query("create table orders (id bigint primary key, a bigint)");
    const to = target();
    await send(to, record("1", '"a":1'));
    for (const id of ["01", " 1", "+1", "1.0", "1e0"]) await expect(send(to, record(id, '"a":2'))).rejects.toMatchObject({ kind: "refused", code: "TM_TARGET_TYPE" });
    expect(await database.query("select id, a from orders")).toEqual([{ id: "1", a: "1" }]);
  });

  inPostgres("a key that takes two ids for one is not written to", async () => {
    await database.query("create collation loose (provider = icu, locale = 'und-u-ks-level2', deterministic = false)");
    for (const type of ["text collate loose", "uuid", "double precision", "numeric(20,2)"]) {
      await database.query(`drop table if exists orders; create table orders (id ${type} primary key)`);
      await expect(send(target(), record("1"))).rejects.toMatchObject({ kind: "misconfigured", code: "TM_TARGET_TABLE" });
    }
  });

  inMysql("a key of an id's first letters, or of another kind than text or number, is not written to", async () => {
    for (const columns of ["id varchar(40) collate utf8mb4_bin, primary key (id(3))", "id double primary key", "id decimal(20,2) primary key", ...(kind.name === "MariaDB" ? ["id uuid primary key"] : [])]) {
      await database.query(`drop table if exists orders; create table orders (${columns}) character set utf8mb4`);
      await expect(send(target(), record("1"))).rejects.toMatchObject({ kind: "misconfigured", code: "TM_TARGET_TABLE" });
    }
  });

  it.each(["char(20)", "decimal(20)", "bigint"])("lists are written whatever the key's type shows an id as: %s", async (type) => {
    await database.query(`create table orders (id ${type}${postgres || type !== "char(20)" ? "" : " character set utf8mb4 collate utf8mb4_bin"} primary key)`);
    const to = target({ items: "tables" });
    await send(to, record("20260101000000455", '"items":[{"sku":"a"}]'));
    expect((await to.held!(guard.signal)[Symbol.asyncIterator]().next()).value).toMatchObject([{ id: "20260101000000455" }]);
    expect(await database.query("select sku from orders_items")).toEqual([{ sku: "a" }]);
  });

  it("ids past 2^53 of a number's column are told apart, written and listed", async () => {
    await database.query("create table orders (id bigint primary key)");
    const ids = Array.from({ length: 1_500 }, (_, i) => String(2n ** 60n + BigInt(i)));
    const to = target({ items: "tables" });
    await send(to, ...ids.map((id) => record(id, `"items":[{"owner":"${id}"}]`)));
    await send(to, record(ids[7]!, '"items":[{"owner":"new"}]'));
    const held: string[] = [];
    for await (const page of to.held!(guard.signal)) held.push(...page.map(({ id }) => id));
    expect(held).toEqual(ids);
    expect((await database.query("select count(*) as n from orders_items where owner = 'new'"))[0]!["n"]).toBe("1");
    expect((await database.query("select count(*) as n from orders_items"))[0]!["n"]).toBe("1500");
  });

  it("a table whose name leaves no room for those of its lists' tables has no lists as tables", async () => {
    const table = "聚水潭销售订单明细聚水潭销售订单明细聚水";
    const to = target({ table: postgres ? table : "t".repeat(62), items: "tables" });
    await expect(send(to, record("1", '"items":[{"sku":"a"},{"sku":"b"}]'))).rejects.toMatchObject({ kind: "misconfigured", code: "TM_TARGET_TABLE", path: "target.table" });
  });

  it("a batch of more records than a statement has parameters", async () => {
    const to = target({ items: "tables" });
    await send(to, ...Array.from({ length: 66_000 }, (_, i) => record(`${i}`, i % 1_000 === 0 ? '"items":[{"n":1}]' : "")));
    expect((await database.query("select count(*) as n from orders_items"))[0]!["n"]).toBe("66");
  });

  it("half a character in an id or a field's name is refused", async () => {
    const to = target();
    const half = (id: string, json: string): OutRecord => ({ ...record("x"), id, json });
    await expect(to.send([half("\ud800", '{"id":"\\ud800"}')], "k", guard)).rejects.toMatchObject({ kind: "refused" });
    await expect(to.send([half("1", '{"id":"1","a\\ud800":1}')], "k", guard)).rejects.toMatchObject({ kind: "refused", code: "TM_TARGET_COLUMN" });
    await send(to, record("2", '"🙂":1'), record("3", '"🙂":2')).catch((error: unknown) => {
      expect(postgres).toBe(false);
      expect(error).toMatchObject({ kind: "refused", code: "TM_TARGET_COLUMN" });
    });
  });

  inMysql("names that MySQL takes for one are refused, not waited for", async () => {
    const to = target();
    await send(to, record("1", '"e":1'));
    await expect(send(to, record("1", '"é":1'))).rejects.toMatchObject({ kind: "refused", code: "TM_TARGET_COLUMN" });
    await expect(send(to, record("1", '"Ä":1,"ä":2'))).rejects.toMatchObject({ kind: "refused", code: "TM_TARGET_COLUMN" });
    await send(to, record("1", '"が":1,"か":2'));
  });

  inMysql("a server that gives its clients another character set and a loose mode changes nothing", async () => {
    const name = `plain_${process.pid}`;
    const url = Object.assign(new URL(database.url), { username: name, password: "p" });
    await database.query(`create user ${name} identified by 'p'; grant all on ${url.pathname.slice(1)}.* to ${name}`);
    // As `skip-character-set-client-handshake` does, which is common.
    await database.query("set global init_connect = \"set names latin1, sql_mode = ''\"");
    try {
      await send(target({ url: url.href }), record("1", '"t":"中文🙂é"'));
      expect(await database.query("select t from orders")).toEqual([{ t: "中文🙂é" }]);
      await expect(send(targets.at(-1)!, record("i".repeat(256), ""))).rejects.toMatchObject({ kind: "refused" });
    } finally {
      await database.query("set global init_connect = ''");
      await targets.pop()!.close?.();
      await database.query(`drop user ${name}`);
    }
  });

  inPostgres("what a trigger of somebody's own refuses is the record's fault, and its words stay out of the message", async () => {
    const to = target();
    await send(to, record("1", '"a":1'));
    await database.query("create function no() returns trigger language plpgsql as $$ begin raise exception 'no room for %', new.id; end $$; create trigger t before insert on orders for each row when (new.a > 5) execute function no()");
    const error = await send(to, record("secret", '"a":9')).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ kind: "refused", code: "TM_TARGET_REFUSED", details: { received: "no room for secret" } });
    expect((error as Error).message).not.toContain("secret");
  });

  inPostgres("a change of a column that a view stands on waits for a person", async () => {
    await send(target(), record("1", '"a":1'));
    await database.query("create view v as select a from orders");
    await expect(send(target({ types: { a: "text" } }), record("2", '"a":"x"'))).rejects.toMatchObject({ kind: "misconfigured", message: expect.stringContaining("view") as string });
  });

  it("more fields than a table has columns are that record's fault", async () => {
    const fields = Array.from({ length: 1_700 }, (_, i) => `"f${i}":1`).join(",");
    const to = target();
    await send(to, record("1", '"f0":1'));
    await expect(send(to, record("2", fields))).rejects.toMatchObject({ kind: "refused", code: "TM_TARGET_COLUMN" });
  });

  it("a list nested deeper than the database reads is the record's fault", async () => {
    const deep = `${"[".repeat(60_000)}${"]".repeat(60_000)}`;
    const to = target({ types: { d: "json" } });
    if (postgres) await expect(send(to, record("1", `"d":${deep}`))).rejects.toMatchObject({ kind: "refused" });
    else await send(to, record("1", `"d":${deep}`));
  });

  it("no error shows the password of the database's address", async () => {
    const url = Object.assign(new URL(database.url), { username: "nobody_there", password: "hunter2" }).href;
    const { inspect } = await import("node:util");
    for (const at of [url, url.replace(/:\d+\//, ":1/"), `${url}_none`]) {
      const error = await target({ url: at }).check(guard.signal).catch((thrown: unknown) => thrown);
      if (error instanceof Error) expect(inspect(error, { depth: 9, showHidden: true })).not.toContain("hunter2");
    }
  });
});
