import { type Kysely, sql } from "kysely";

/** What is set aside keeps the number of the reading that brought it: replayed, it is no older and no newer than it was. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql.raw(CHANGES).execute(db);
}

const CHANGES = `
alter table quarantine add column read_no bigint not null default 0;
update quarantine q set read_no = r.read_no from record r
where r.stream_id = q.stream_id and r.source_id = q.source_id and r.id = q.target_id and r.held = 'quarantined' and r.read_no is not null
  and r.modified is not distinct from q.modified and r.hash is not distinct from q.hash;
`;
