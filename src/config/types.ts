import type { MappingConfig } from "../mapping/types.ts";
import type { ApiDescription } from "../source/contract.ts";

/** A JSON value as it may stand in `params`. */
export type JsonValue = string | number | boolean | null | JsonValue[] | { [key: string]: JsonValue };

/** The validated configuration: durations in ms, instants in epoch ms UTC, defaults filled in. */
export interface TidemarkConfig {
  /** Absolute path of the config file. */
  file: string;
  /** Absolute path of the data folder: `.tidemark` beside the config file, or TIDEMARK_HOME. */
  home: string;
  accounts: Record<string, AccountConfig>;
  pipelines: Record<string, PipelineConfig>;
  /** APIs that are not in the catalogue. */
  apis: readonly ApiDescription[];
  runtime: RuntimeConfig;
}

export interface RuntimeConfig {
  /** Temporal task queue of workers and schedules. Default `tidemark`. */
  taskQueue: string;
  /** How long an activity may be silent before Temporal gives it to another worker (ms). Default 30 s. */
  heartbeatMs: number;
  /** Whether a run stays with the build of the program that began it. Default false. */
  versioning: boolean;
}

interface AnyAccount {
  name: string;
  platform: "jushuitan";
  /** Without a trailing slash; `legacy`: the gateway's whole address. */
  baseUrl: string;
  limits: { perSecond: number; perMinute: number };
  /** One HTTP request's total time limit (ms). Default 30 s. */
  timeoutMs: number;
}

/** An app on the new open platform. `self`: a merchant's own; `isv`: a service provider's. */
export interface AppAccount extends AnyAccount {
  kind: "self" | "isv";
  appKey: string;
  appSecret: string;
  /** Seeds of the token store; null when not given. */
  accessToken: string | null;
  refreshToken: string | null;
  /** `isv`: when the token given expires, by the user's word (epoch ms). */
  tokenExpiresAt?: number | null;
  /** `isv`: the page on which a merchant authorises the app. */
  authUrl?: string;
}

/** The old platform (query.aspx). */
export interface LegacyAccount extends AnyAccount {
  kind: "legacy";
  partnerId: string;
  partnerKey: string;
  /** Seed of the token store; null when not given. */
  token: string | null;
  /** By the user's word (epoch ms); null: one year from the last refresh that took effect. */
  tokenExpiresAt: number | null;
  /** How long business calls wait after a refresh (ms). Default 45 s. */
  holdAfterRefreshMs: number;
}

/** The simple form: a bearer token, which `refresh.token` exchanges for a new one. */
export interface BearerAccount extends AnyAccount {
  kind: "bearer";
  /** Seed of the token store; null when not given. */
  token: string | null;
  /** The id whose token the account uses; null: the only one, or the first of an answer. */
  tokenId: string | null;
}

export type AccountConfig = AppAccount | LegacyAccount | BearerAccount;

/** `auto`: by version, by windows where that fails. `snapshot`: all of it each time. */
export type CursorKind = "version" | "window" | "snapshot" | "auto";

export interface SourceConfig {
  account: string;
  /** The API's path, a key of the catalogue. */
  api: string;
  pageSize: number;
  cursor: CursorKind;
  /** First modified time to copy (epoch ms), or everything the API has; without meaning for a call. */
  from: number | "all";
  /** The longest delay between write and visibility that is covered (ms). Default 10 min. */
  lookbackMs: number;
  /** How often the lookback is swept (ms). Default 30 min. */
  sweepEveryMs: number;
  /** How far the end of a window stays behind now (ms). Default 3 min. */
  settleMs: number;
  /** About how many records make a slice. Default 10000. */
  sliceRecords: number;
  /** How long a record's newest raw row is kept after it was read last (ms). Default none. */
  keepRows: "none" | "forever" | number;
  /** Further parameters of the API, sent as they are. */
  params: Record<string, JsonValue>;
  /** A call's `number`: a count or a list of the answer, compared with the rows read, or a field of the row. */
  number?: string | undefined;
}

export interface ScheduleConfig {
  /** Expressions as Temporal reads them; any of them starts a run. */
  crons: string[];
  timezone: string;
}

export interface PipelineConfig {
  name: string;
  source: SourceConfig;
  /** Uuid of the strategy of Qeasy that this pipeline runs: lookups of others name it. */
  strategy?: string;
  schedule: ScheduleConfig | null;
  /** When closed windows are compared with the source; null: only by hand. */
  audit: (ScheduleConfig & { /** Only this much of the newest closed time (ms); null: all of it. */ lastMs: number | null; byIds: boolean; repair: boolean; target: boolean }) | null;
  mapping: MappingConfig;
  target: TargetConfig;
  /** `status` calls the pipeline late when its newest commit is older (ms). Default: three schedule periods, at least 15 min. */
  freshnessMs: number;
}

/** Where a pipeline's records go. */
export type TargetConfig = QeasyTargetConfig | TableTargetConfig | ModuleTargetConfig;

/** What every target has. */
export interface CommonTargetConfig {
  /** Records a request, or a statement. */
  batchSize: number;
  /** Bytes that the records of a request may take; null: no limit. */
  maxBytes: number | null;
  /** Requests at the same time. */
  parallel: number;
  /** true: a record already held in this version or a newer one is not sent again. */
  idCheck: boolean;
  /** One request's total time limit (ms); shorter than the lease. Default 30 s. */
  timeoutMs: number;
  /** How long a claim on a batch's ids holds without renewal (ms). Default: timeout + 15 s. */
  leaseMs: number;
  /** When the newest version of a doubtful id is sent again (ms). Default 10 min. */
  zombieAfterMs: number;
  /** A batch whose records are all refused stops the pipeline above this many. Default 3. */
  maxRefused: number;
}

export interface QeasyTargetConfig extends CommonTargetConfig {
  use: "qeasy";
  /** Without a trailing slash. */
  baseUrl: string;
  /** The Qeasy interface, normally `写入空操作`. */
  api: string;
  /** `array`: one JSON array a request; `single`: one object a request; else an object in which `"$records"` stands for the array. */
  body: "array" | "single" | Record<string, JsonValue>;
  /** Sent with each request, for example Authorization. Secret. */
  headers: Record<string, string>;
  /** Lists what the target holds, for audits; null: it cannot be read. */
  heldUrl: string | null;
  /** What means success inside a 200 answer: a body with one of these keys set otherwise is a refusal. */
  success: Record<string, JsonValue[]>;
}

/** What a column can be declared as; everything else stays text. */
export type FieldType = "text" | "integer" | "decimal" | "boolean" | "timestamp" | "json";

/** A table of a database. */
export interface TableTargetConfig extends CommonTargetConfig {
  use: "postgres" | "mysql";
  /** With user and password. Secret. */
  url: string;
  /** null: the connection's own; MySQL has none beside the database of the URL. */
  schema: string | null;
  table: string;
  /** `auto`: each field has a column; `json`: the whole record in the column `data`; else these fields only. */
  columns: "auto" | "json" | string[];
  /** Declared types by field; they are also the consent to change the column of a field. */
  types: Record<string, FieldType>;
  /** Lists of objects: as JSON in their field's column, or each list as rows of a table `<table>_<field>`. */
  items: "json" | "tables";
}

/** A target in a module of the user's own. */
export interface ModuleTargetConfig extends CommonTargetConfig {
  use: "module";
  /** As written in the config; `file` is its absolute path. */
  module: string;
  file: string;
  /** Given to the module as they are. */
  options: Record<string, JsonValue>;
}
