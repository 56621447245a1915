import { type Kysely, sql } from "kysely";

/** APIs without windows of modified time are read whole, and each reading is compared with the last one. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql.raw(CHANGES).execute(db);
}

const CHANGES = `
alter table stream drop constraint stream_cursor_check, add constraint stream_cursor_check check (cursor in ('version', 'window', 'snapshot'));
alter table slice drop constraint slice_kind_check, add constraint slice_kind_check check (kind in ('version', 'window', 'rows', 'snapshot'));
`;
