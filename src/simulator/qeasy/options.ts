import { z } from "zod";
import { latency, share, slow } from "../faults.ts";
import { mergeSwitches } from "../switches.ts";

const limit = z.int().min(1).nullable();

/** Faults by their share of the requests, 0 to 1; at most one of them befalls a request, `slow` apart. */
const faults = z.strictObject({
  /** The connection is destroyed, nothing taken. */
  drop: share.optional(),
  /** The records are taken, then the connection is destroyed without a byte. */
  dropAfter: share.optional(),
  http500: share.optional(),
  http503: share.optional(),
  /** With `Retry-After: 1`. */
  http429: share.optional(),
  /** HTTP 200 without a body; the records are taken. */
  emptyBody: share.optional(),
  /** HTTP 200 with an HTML page, nothing taken. */
  html200: share.optional(),
  /** HTTP 200 with `{"success":false}`, nothing taken. */
  failureIn200: share.optional(),
  slow: slow.nullable().optional(),
});

/** A kind of fault that excludes the others. */
export type FaultKind = Exclude<keyof z.infer<typeof faults>, "slow">;

/** Everything that can be changed while the simulator runs. */
const switches = z.strictObject({
  /** The only interface that there is: `POST /api/<interface>`. */
  interface: z.string().min(1),
  /** Wanted as `Authorization: Bearer <secret>`; null = not checked. */
  secret: z.string().min(1).nullable(),
  /** The records are the list in this key of the body's only object, such as `datas`; null = the body is a list or one object. */
  envelope: z.string().min(1).nullable(),
  /** Largest body (bytes) and most records a request, else 413; null = not limited. */
  maxBytes: limit,
  maxRecords: limit,
  /** Milliseconds from arrival to answer. */
  latencyMs: latency,
  /** Ids that are refused: a request that holds one is refused as a whole and nothing of it is taken. */
  refuseIds: z.array(z.string()),
  refuseAll: z.boolean(),
  /** HTTP status of these refusals. */
  refuseStatus: z.union([z.literal(400), z.literal(409), z.literal(422)]),
  /** Every request is answered with this HTTP status, nothing taken; null = as usual. */
  status: z.int().min(200).max(599).nullable(),
  /** Keep the newest version instead of what came last, which the real platform cannot do. */
  keepNewest: z.boolean(),
  faults,
});

const start = z.strictObject({
  /** 0 takes a free one. */
  port: z.int().min(0).max(65_535),
  /** Address to listen on; anything but the loopback address opens the simulator to the network. */
  host: z.string().min(1),
  /** The faults follow from it. */
  seed: z.int(),
  /** Whether records' texts are kept, or only their versions and hashes (millions of records). */
  keepText: z.boolean(),
});

const defaults = {
  port: 0,
  host: "127.0.0.1",
  seed: 1,
  keepText: true,
  interface: "写入空操作",
  secret: null,
  envelope: null,
  maxBytes: null,
  maxRecords: null,
  latencyMs: 0,
  refuseIds: [],
  refuseAll: false,
  refuseStatus: 422,
  status: null,
  keepNewest: false,
  faults: {},
} as const;

const all = start.extend(switches.shape);

/** Options of `startQeasy`; each has a default (see `defaults` in this file). */
export type QeasyOptions = Partial<z.input<typeof all>>;
/** Options with all defaults filled in. */
export type QeasySettings = z.output<typeof all>;

/** @throws ZodError naming what is wrong */
export function parseOptions(options: QeasyOptions): QeasySettings {
  return all.parse({ ...defaults, ...options });
}

/**
 * Settings with some switches changed; `faults` are changed one by one, null or `{}` for `faults` ends them all.
 * @throws ZodError naming what is wrong, and for what can be set at the start only
 */
export function reconfigure(settings: QeasySettings, changes: unknown): QeasySettings {
  return mergeSwitches(switches.partial(), settings, changes);
}
