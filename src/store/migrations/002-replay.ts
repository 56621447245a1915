import { type Kysely, sql } from "kysely";

/** Replays: slices whose rows come from quarantine. Why an entry was discarded. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql.raw(CHANGES).execute(db);
}

const CHANGES = `
alter table slice drop constraint slice_kind_check, drop constraint slice_purpose_check;
alter table slice add constraint slice_kind_check check (kind in ('version', 'window', 'rows')),
  add constraint slice_purpose_check check (purpose in ('forward', 'initial', 'reread', 'resend', 'sweep', 'backfill', 'replay'));
alter table quarantine add column note text,
  add constraint quarantine_discard_has_reason check (state <> 'discarded' or note is not null);
`;
