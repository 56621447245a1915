import { createHash } from "node:crypto";
import { sql } from "kysely";
import type { AccountConfig, PipelineConfig, SourceConfig, TargetConfig } from "../config/types.ts";
import type { SafeCursor } from "../source/contract.ts";
import { StoreError } from "../errors.ts";
import type { Db, Store } from "./db.ts";
import { addDoubts } from "./doubts.ts";

/** A pipeline bound to one source and one target: what checkpoint, index and ledger belong to. */
export interface Stream {
  id: string;
  pipeline: string;
  cursor: SafeCursor;
  /** When the initial load was laid out (T0, ms); null before the first run. */
  startedAt: number | null;
  /** Where the version walk began (V0). */
  firstVersion: string | null;
  /** Up to which version every slice is committed (version cursor). */
  checkpointVersion: string | null;
  /** Up to which modified time every slice is committed (window cursor), or when the last reading of all began that is committed (snapshot); ms. */
  checkpointAt: number | null;
  /** Up to which modified time windows were read after the lookback had passed (window cursor, ms). */
  provenAt: number | null;
  newestCommitAt: number | null;
}

/** What identifies the two ends of a pipeline; compared to notice that they changed. */
export interface Fingerprints {
  source: string;
  target: string;
}

/** Identity of what a pipeline reads and where it writes, mapping included; no secrets can be read from it. */
export function fingerprints(pipeline: PipelineConfig, account: AccountConfig): Fingerprints {
  const { source, target, mapping } = pipeline;
  return {
    source: digest([account.platform, account.kind, account.baseUrl, identityOf(account), source.api, source.params]),
    // A script and a strategy count by what makes records in them; a time limit and where a file lies make no other record.
    target: digest([...placeOf(target), { ...mapping, script: mapping.script?.hash, qeasy: mapping.qeasy?.hash }]),
  };
}

/** What the platform knows the account by. */
function identityOf(account: AccountConfig): string | null {
  return account.kind === "legacy" ? account.partnerId : account.kind === "bearer" ? account.tokenId : account.appKey;
}

/** What a stream begins with: `auto` tries versions first. */
function firstCursor({ cursor }: SourceConfig): SafeCursor {
  return cursor === "auto" ? "version" : cursor;
}

/** What makes it another target; the user and the password of a database do not. */
function placeOf(target: TargetConfig): unknown[] {
  if (target.use === "qeasy") return [target.use, target.baseUrl, target.api];
  if (target.use === "module") return [target.use, target.module, target.options];
  const { host, pathname } = new URL(target.url);
  return [target.use, host, pathname, target.schema, target.table];
}

function digest(parts: unknown): string {
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex").slice(0, 32);
}

const COLUMNS = sql`id::text, pipeline, cursor, first_version::text as "firstVersion", checkpoint_version::text as "checkpointVersion",
  ${epochMs("started_at")} as "startedAt", ${epochMs("checkpoint_at")} as "checkpointAt",
  ${epochMs("proven_at")} as "provenAt", ${epochMs("newest_commit_at")} as "newestCommitAt",
  source_fingerprint, target_fingerprint`;

/** A timestamp column as a JavaScript number of ms. */
export function epochMs(column: string) {
  return sql<number | null>`(extract(epoch from ${sql.ref(column)}) * 1000)::float8`;
}

/** A JavaScript number of ms as a timestamp. */
export function timestamp(ms: number) {
  return sql`to_timestamp(${ms}::float8 / 1000)`;
}

type StreamRow = Stream & { source_fingerprint: string; target_fingerprint: string };

/** The pipeline's active stream, or null before its first run. */
export async function findStream(db: Db, pipeline: string): Promise<StreamRow | null> {
  const { rows } = await sql<StreamRow>`select ${COLUMNS} from stream where pipeline = ${pipeline} and active`.execute(db);
  return rows[0] ?? null;
}

/**
 * The pipeline's stream, made when there is none.
 * @throws StoreError `TM_PIPELINE_CHANGED` when source, target or mapping are not those that the index belongs to.
 */
export async function ensureStream(store: Store, pipeline: PipelineConfig, account: AccountConfig): Promise<Stream> {
  const prints = fingerprints(pipeline, account);
  const cursor = firstCursor(pipeline.source);
  await sql`
    insert into stream (pipeline, source_fingerprint, target_fingerprint, cursor)
    values (${pipeline.name}, ${prints.source}, ${prints.target}, ${cursor})
    on conflict (pipeline) where active do nothing
  `.execute(store.db);
  const stream = await findStream(store.db, pipeline.name);
  if (stream === null) throw new StoreError("TM_STORE", `pipeline ${pipeline.name} has no stream`);
  refuseChanged(pipeline, stream, prints);
  if (pipeline.source.cursor !== "auto" && stream.cursor !== cursor) {
    throw new StoreError("TM_PIPELINE_CHANGED", `pipeline ${pipeline.name} was read by ${stream.cursor} until now and is configured for ${cursor}`, {
      path: `pipelines.${pipeline.name}.source.cursor`,
      fix: `Run "tidemark deploy --reload ${pipeline.name}" (or "tidemark dev --reload ${pipeline.name}") to read everything again with the new cursor, or set cursor back to "${stream.cursor}".`,
    });
  }
  return stream;
}

/** @throws StoreError `TM_PIPELINE_CHANGED` */
export function refuseChanged(pipeline: PipelineConfig, stream: StreamRow, prints: Fingerprints): void {
  const changed = [
    ...(stream.source_fingerprint === prints.source ? [] : ["source (account, api or params)"]),
    ...(stream.target_fingerprint === prints.target ? [] : ["target (where records go) or mapping"]),
  ];
  if (changed.length === 0) return;
  throw new StoreError(
    "TM_PIPELINE_CHANGED",
    `pipeline ${pipeline.name}: its ${changed.join(" and its ")} changed since its records were loaded; everything already loaded would count as unchanged and never reach the new place`,
    {
      path: `pipelines.${pipeline.name}`,
      fix: `Run "tidemark deploy --reload ${pipeline.name}" to load everything again, or "tidemark deploy --keep ${pipeline.name}" if what was loaded is already there; after that, "tidemark remap ${pipeline.name}" maps kept rows anew. "tidemark dev" takes the same options. Where that was done already, restart this worker: its config is the one of before.`,
    },
  );
}

/**
 * Begins anew for a changed source or target: the old stream stays as history and its runs stop at their next step. What
 * they may still be sending is doubtful in the new stream too.
 */
export async function reloadStream(store: Store, pipeline: PipelineConfig, account: AccountConfig): Promise<void> {
  const prints = fingerprints(pipeline, account);
  await store.transaction(async (tx) => {
    const { rows } = await sql<{ id: string }>`
      update stream set active = false where pipeline = ${pipeline.name} and active returning id::text
    `.execute(tx);
    const made = await sql<{ id: string }>`
      insert into stream (pipeline, source_fingerprint, target_fingerprint, cursor)
      values (${pipeline.name}, ${prints.source}, ${prints.target}, ${firstCursor(pipeline.source)})
      returning id::text
    `.execute(tx);
    await addDoubts(tx, sql`
      select ${made.rows[0]!.id}::bigint, i.id, b.id, b.owner, i.version, i.modified, i.hash, i.read_no
      from batch b join item i on i.batch_id = b.id where b.stream_id = ${rows[0]?.id ?? null}::bigint and b.state = 'sending'`,
    pipeline.target.zombieAfterMs);
  });
}

/** Declares that what was loaded is already at the changed target. */
export async function keepStream(store: Store, pipeline: PipelineConfig, account: AccountConfig): Promise<void> {
  const prints = fingerprints(pipeline, account);
  await sql`
    update stream set source_fingerprint = ${prints.source}, target_fingerprint = ${prints.target}
    where pipeline = ${pipeline.name} and active
  `.execute(store.db);
}
