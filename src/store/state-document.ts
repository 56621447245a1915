import { createHash } from "node:crypto";
import { z } from "zod";
import { StoreError } from "../errors.ts";

const version = z.string().regex(/^\d{1,20}$/, "a version is 1 to 20 digits");
const time = z.string().regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z$/).refine((text) => Number.isFinite(Date.parse(text)));
const count = z.number().int().min(0);

/** A range with a stretch of modified time still to be read, or one of the first load or of a backfill. `no`: its place in the list. */
const range = z.strictObject({
  no: count, purpose: z.enum(["initial", "reread", "resend", "sweep", "backfill"]), from: time, to: time, next: time, archive: z.boolean(), archiveOf: count.nullable(), notBefore: time,
  state: z.enum(["open", "planned", "done", "cancelled"]), createdAt: time, doneAt: time.nullable(),
});

/** What a person asked a backfill for; `ranges`: the numbers of those that read it, archives apart. */
const request = z.strictObject({
  requestId: z.string(), askedFrom: time, askedTo: time, from: time, to: time, skipped: z.array(z.strictObject({ from: time, to: time })), ranges: z.array(count),
  position: z.number(), state: z.enum(["open", "done", "cancelled"]), createdAt: time, doneAt: time.nullable(),
});

const schema = z.strictObject({
  kind: z.literal("tidemark.state"),
  schema: z.literal(1),
  pipeline: z.string(),
  account: z.string(),
  api: z.string(),
  cursor: z.enum(["version", "window", "snapshot"]),
  fingerprints: z.strictObject({ source: z.string(), target: z.string() }),
  /** Digest of everything else: tells whether the state moved, or the document was changed by hand. */
  revision: z.string(),
  startedAt: time,
  firstVersion: version.nullable(),
  checkpoint: z.strictObject({ version: version.nullable(), at: time.nullable() }),
  checkpointModified: time.nullable(),
  provenAt: time.nullable(),
  headReadAt: time.nullable(),
  newestCommitAt: time.nullable(),
  pairs: z.array(z.strictObject({ at: time, version })),
  sweeps: z.array(z.strictObject({ startedAt: time, from: version, to: version, next: version, archive: z.boolean(), completedAt: time.nullable() })),
  ranges: z.array(range),
  requests: z.array(request),
  gaps: z.array(z.strictObject({ from: time, to: time, toVersion: version.nullable(), because: z.string().min(1), acceptedAt: time })),
  quarantine: z.array(z.strictObject({
    sourceId: z.string(), targetId: z.string().nullable(), code: z.string(), reason: z.string(), version: version.nullable(), modified: time.nullable(),
    hash: z.string().nullable(), attempts: count, state: z.enum(["open", "discarded"]), note: z.string().nullable(),
    discardedBy: z.string().nullable().optional(), discardedAt: time.nullable().optional(), createdAt: time, updatedAt: time,
  })),
});

/**
 * The whole state of a pipeline but the record index, the ledger and the texts of quarantined records. Times are ISO 8601 UTC
 * to the microsecond, versions text.
 */
export type StateDocument = z.infer<typeof schema>;

/** @throws StoreError `TM_STATE_DOCUMENT` */
export function parseState(text: string, file: string): StateDocument {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw wrong(file, "is no JSON");
  }
  const parsed = schema.safeParse(json);
  if (parsed.success) return parsed.data;
  const [{ path, message }] = parsed.error.issues as [z.core.$ZodIssue];
  const at = path.map(String).join(".");
  throw wrong(file, at === "" ? `is no state document: ${message}` : `is no state document of schema 1: ${at}: ${message}`, at);
}

/** Of a state's content: equal for equal states, wherever they are stored. */
export function revisionOf({ revision: _revision, ...content }: StateDocument): string {
  return createHash("sha256").update(canonical(content)).digest("hex").slice(0, 32);
}

/** JSON with its keys in order: equal values, equal text. */
export function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    typeof inner === "object" && inner !== null && !Array.isArray(inner) ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1))) : inner);
}

function wrong(file: string, what: string, path?: string): StoreError {
  return new StoreError("TM_STATE_DOCUMENT", `${file} ${what}`, {
    path: path === undefined || path === "" ? file : path, fix: 'Take it from "tidemark state PIPELINE export", whole.',
  });
}
