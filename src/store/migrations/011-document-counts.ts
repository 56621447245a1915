import { type Kysely, sql } from "kysely";

/** How many documents the loaded records of a slice became. */
export async function up(db: Kysely<unknown>): Promise<void> {
  // Null: committed before this was counted.
  await sql`alter table slice add column documents bigint check (documents >= loaded)`.execute(db);
}
