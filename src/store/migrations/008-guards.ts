import { type Kysely, sql } from "kysely";

/** What the database itself refuses beside the constraints of its tables: counts, cursors and claims that contradict each other. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql.raw(GUARDS).execute(db);
}

const GUARDS = `
create function refuse() returns trigger language plpgsql as $$
begin
  raise exception '%: %', tg_name, tg_argv[0] using errcode = 'check_violation', constraint = tg_name;
end $$;

-- What lies before a checkpoint counts as read.
create trigger checkpoint_keeps before update of checkpoint_version, checkpoint_at, proven_at on stream for each row when (
  -- tidemark state set, for this transaction and stream only
  current_setting('tidemark.move_checkpoint', true) is distinct from old.id::text and (
  new.checkpoint_version < old.checkpoint_version or new.checkpoint_at < old.checkpoint_at or new.proven_at < old.proven_at
  or (new.checkpoint_version is null and old.checkpoint_version is not null)
  or (new.checkpoint_at is null and old.checkpoint_at is not null)))
  execute function refuse('a checkpoint may not move backward');
create trigger lease_keeps before update of token on lease for each row when (new.token < old.token)
  execute function refuse('a fencing token only grows');
create trigger record_keeps before update on record for each row when (new.version < old.version)
  execute function refuse('the index never goes back to an older version');
create trigger slice_ends before update of state on slice for each row
  when (old.state in ('committed', 'split', 'dropped') and new.state <> old.state)
  execute function refuse('a slice ends once');

create function slice_counts_items() returns trigger language plpgsql as $$
begin
  if exists (select 1 from item where slice_id = new.id and outcome in ('pending', 'batched'))
    or new.quarantined <> (select count(*) from item where slice_id = new.id and outcome = 'quarantined')
    or new.filtered <> (select count(*) from item where slice_id = new.id and outcome = 'filtered')
    or new.loaded <> (select count(*) from item where slice_id = new.id and outcome = 'loaded') then
    raise exception 'slice_counts_items: slice % does not count what became of its rows', new.id using errcode = 'check_violation', constraint = 'slice_counts_items';
  end if;
  return new;
end $$;
create trigger slice_counts_items before update of state on slice for each row
  when (new.state = 'committed' and old.state <> 'committed') execute function slice_counts_items();

-- Whoever takes over a batch that may still be under way has written its ids down as doubtful before, in the same transaction.
create function batch_taken_is_doubtful() returns trigger language plpgsql as $$
begin
  if exists (select 1 from item i where i.batch_id = old.id and not exists (
      select 1 from doubt d where d.stream_id = old.stream_id and d.id = i.id and d.batch_id = old.id and d.sender = old.owner)) then
    raise exception 'batch_taken_is_doubtful: batch % may still be under way', old.id using errcode = 'check_violation', constraint = 'batch_taken_is_doubtful';
  end if;
  return new;
end $$;
create trigger batch_taken_is_doubtful before update of owner on batch for each row
  when (old.state = 'sending' and new.state = 'sending' and new.owner <> old.owner) execute function batch_taken_is_doubtful();
`;
