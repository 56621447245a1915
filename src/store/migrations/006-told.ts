import { type Kysely, sql } from "kysely";

/** Who gave an entry up and when, kept when it is replayed. What config a worker runs with. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql.raw(CHANGES).execute(db);
}

const CHANGES = `
alter table quarantine add column discarded_by text, add column discarded_at timestamptz;
update quarantine set discarded_at = updated_at where state = 'discarded';
-- Digests of its config's parts, by pipeline and part; no secrets can be read from them.
alter table worker add column config jsonb not null default '{}';
`;
