import { type Kysely, sql } from "kysely";

/** A record becomes none, one or several documents: those that a mapping leaves out are counted, and whose document an id of the target is, is known. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql.raw(CHANGES).execute(db);
}

const CHANGES = `
alter table slice add column filtered bigint not null default 0 check (filtered >= 0),
  -- what the loaded records of a committed slice became
  add column documents bigint check (documents >= loaded),
  drop constraint ledger_balances, add constraint ledger_balances check
    (state <> 'committed' or read = duplicate + unchanged + superseded + quarantined + filtered + loaded);
alter table item drop constraint item_outcome_check,
  add constraint item_outcome_check check (outcome in ('pending', 'batched', 'loaded', 'quarantined', 'filtered', 'unchanged', 'superseded')),
  -- ids of the documents that are sent; null: one, which has the record's id
  add column documents text[];
alter table record drop constraint record_held_check,
  add constraint record_held_check check (held in ('loaded', 'quarantined', 'filtered')),
  -- likewise, of what is loaded
  add column documents text[];

-- Whose document an id of the target is, where a record may become others than one with its own id.
create table document (
  stream_id bigint not null,
  id text not null,
  record_id text not null,
  primary key (stream_id, id)
);

-- The ids that an audit looks for in the target are those of documents.
alter table audit_held add column record_id text;
update audit_held set record_id = id;
alter table audit_held alter column record_id set not null;

create or replace function slice_counts_items() returns trigger language plpgsql as $$
begin
  if exists (select 1 from item where slice_id = new.id and outcome in ('pending', 'batched'))
    or new.quarantined <> (select count(*) from item where slice_id = new.id and outcome = 'quarantined')
    or new.filtered <> (select count(*) from item where slice_id = new.id and outcome = 'filtered')
    or new.loaded <> (select count(*) from item where slice_id = new.id and outcome = 'loaded') then
    raise exception 'slice_counts_items: slice % does not count what became of its rows', new.id using errcode = 'check_violation', constraint = 'slice_counts_items';
  end if;
  return new;
end $$;
`;
