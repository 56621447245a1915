import { type Kysely, sql } from "kysely";

/** The database itself keeps a checkpoint from moving backward: what lies before it counts as read. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql.raw(CHANGES).execute(db);
}

const CHANGES = `
create function checkpoint_keeps() returns trigger language plpgsql as $$
begin
  if new.checkpoint_version < old.checkpoint_version or new.checkpoint_at < old.checkpoint_at or new.proven_at < old.proven_at
    or (new.checkpoint_version is null and old.checkpoint_version is not null)
    or (new.checkpoint_at is null and old.checkpoint_at is not null) then
    raise exception 'checkpoint_keeps: the checkpoint of stream % may not move backward', old.id using errcode = 'check_violation';
  end if;
  return new;
end $$;
create trigger checkpoint_keeps before update of checkpoint_version, checkpoint_at, proven_at on stream
  for each row execute function checkpoint_keeps();
`;
