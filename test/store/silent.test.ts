import { sql } from "kysely";
import { expect, test } from "vitest";
import { openStore } from "../../src/store/db.ts";
import { startLink } from "../support/link.ts";
import { migratedDatabase } from "../support/pipeline.ts";

test("a store that the network cuts off without a word fails the statement, and the next one goes over a new connection", async () => {
  const url = new URL(await migratedDatabase());
  const link = await startLink(url.host);
  const store = openStore(Object.assign(new URL(url), { host: link.address }).href, { silentMs: 300, connections: 1 });
  try {
    const work = store.transaction(async (tx) => {
      await sql`insert into account (name) values ('main')`.execute(tx);
      link.stall();
      await sql`select 1`.execute(tx);
    });
    await expect(work).rejects.toThrow();
    link.mend();
    const { rows } = await sql`select name from account`.execute(store.db);
    expect(rows).toEqual([]);
  } finally {
    await store.close();
    await link.close();
  }
});
