import { sql } from "kysely";
import { expect, onTestFinished, test } from "vitest";
import { migrate, openStore, type Store } from "../../src/store/db.ts";
import { freshDatabase } from "../support/servers.ts";

async function freshStore(): Promise<Store> {
  const store = openStore(await freshDatabase(), { connections: 2 });
  onTestFinished(() => store.close());
  return store;
}

const names = async ({ db }: Store) => (await sql<{ name: string }>`select name from kysely_migration order by name`.execute(db)).rows.map(({ name }) => name);

test("a store is brought up to date once, also by several at once", async () => {
  const store = await freshStore();
  await Promise.all([migrate(store), migrate(store), migrate(store)]);
  const done = await names(store);
  await migrate(store);
  expect(await names(store)).toEqual(done);
});

test("an older version works on a store that a newer one has extended", async () => {
  const store = await freshStore();
  await migrate(store);
  await sql`insert into kysely_migration (name, timestamp) values ('999-later', now())`.execute(store.db);
  await migrate(store);
  expect(await names(store)).toContain("999-later");
});

test("a store of an unreleased version is refused, and said to be one", async () => {
  const store = await freshStore();
  await migrate(store);
  await sql`update kysely_migration set name = '001-tables' where name = (select min(name) from kysely_migration)`.execute(store.db);
  await expect(migrate(store)).rejects.toMatchObject({ code: "TM_STORE_UNRELEASED", message: expect.stringContaining("001-tables") as string });
});
