import { sql } from "kysely";
import { expect, test } from "vitest";
import { openStore } from "../../src/store/db.ts";
import { migratedDatabase } from "../support/pipeline.ts";

test("a process that freezes within a transaction does not keep its locks", async () => {
  const url = await migratedDatabase();
  const [frozen, other] = [openStore(url, { frozenMs: 300 }), openStore(url)];
  try {
    await sql`insert into account (name) values ('main')`.execute(other.db);
    const lock = sql`select 1 from account where name = 'main' for update`;
    const asleep = frozen.transaction(async (tx) => {
      await lock.execute(tx);
      await other.transaction((tx) => lock.execute(tx));
      await lock.execute(tx);
    });
    await expect(asleep).rejects.toThrow();
    await frozen.transaction((tx) => lock.execute(tx));
  } finally {
    await Promise.all([frozen.close(), other.close()]);
  }
});
