import { describe, expect } from "vitest";
import { DATABASES } from "../support/databases.ts";
import { startLink } from "../support/link.ts";
import { guard, record, send, tableTools } from "../support/table-tools.ts";

describe.each(DATABASES)("$name, written to by several at once, over networks that fail", (kind) => {
  const { it, postgres, database, targets, target, rows, quoted: q } = tableTools(kind);

  it("several workers that make and widen the table at once do not get in each other's way", async () => {
    const workers = Array.from({ length: 4 }, () => target());
    await Promise.all(workers.map((to, i) => send(to, record(`${i}`, `"a":1,"w${i}":1`))));
    await Promise.all(workers.map((to, i) => send(to, record(`${i + 10}`, `"a":1,"x${i % 2}":1,"y${i}":1`))));
    expect(await rows("id")).toHaveLength(8);
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
});
