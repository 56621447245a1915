import { type Kysely, sql } from "kysely";

/** The database itself keeps a checkpoint from moving backward: what lies before it counts as read. Stretches that a person accepted as unread. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql.raw(CHANGES).execute(db);
}

const CHANGES = `
create function checkpoint_keeps() returns trigger language plpgsql as $$
begin
  -- tidemark state set, for this transaction only
  if current_setting('tidemark.move_checkpoint', true) = old.id::text then
    return new;
  end if;
  if new.checkpoint_version < old.checkpoint_version or new.checkpoint_at < old.checkpoint_at or new.proven_at < old.proven_at
    or (new.checkpoint_version is null and old.checkpoint_version is not null)
    or (new.checkpoint_at is null and old.checkpoint_at is not null) then
    raise exception 'checkpoint_keeps: the checkpoint of stream % may not move backward', old.id using errcode = 'check_violation';
  end if;
  return new;
end $$;
create trigger checkpoint_keeps before update of checkpoint_version, checkpoint_at, proven_at on stream
  for each row execute function checkpoint_keeps();

-- Modified time that was skipped on a person's word; both ends included.
create table gap (
  id bigint generated always as identity primary key,
  stream_id bigint not null references stream (id),
  from_at timestamptz not null,
  to_at timestamptz not null check (to_at > from_at),
  -- version cursor: sweeps begin here or later
  to_version numeric(20),
  because text not null check (because <> ''),
  accepted_at timestamptz not null default clock_timestamp()
);
create index gap_stream on gap (stream_id);
`;
