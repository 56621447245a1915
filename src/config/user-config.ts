import type { EnvReference } from "./define.ts";
import type { CursorKind, FieldType, JsonValue } from "./types.ts";

/** Text, or a value of the environment. */
export type Text = string | EnvReference;
/** A number, or digits from the environment. */
export type Count = number | EnvReference;
/** `"500ms"`, `"30s"`, `"10m"`, `"1h"`, `"7d"`. */
export type Duration = string | EnvReference;

/** What `tidemark.config.*` holds. */
export interface UserConfig {
  accounts: Record<string, UserAccount>;
  pipelines: Record<string, UserPipeline>;
  runtime?: {
    /** Temporal task queue of workers and schedules. Default `tidemark`. */
    taskQueue?: Text;
    /** How long an activity may be silent before Temporal gives it to another worker. Default `30s`. */
    heartbeat?: Duration;
    /** true: a run stays with the build that began it (docs/upgrades.md). Default false. */
    versioning?: boolean | EnvReference;
  };
}

/** An account of a platform. */
export interface UserAccount {
  platform: "jushuitan";
  /** `self`: a merchant's own app; `isv`: a service provider's app. */
  kind: "self" | "isv" | EnvReference;
  /** Default `https://openapi.jushuitan.com`. */
  baseUrl?: Text;
  appKey: Text;
  appSecret: Text;
  /** Seeds of the token store; optional for `self`, which gets its tokens by itself. */
  accessToken?: Text;
  refreshToken?: Text;
  /** What the platform grants the account, all workers together. Default 5 and 100. */
  limits?: { perSecond?: Count; perMinute?: Count };
  /** One request's total time limit. Default `30s`. */
  timeout?: Duration;
}

/** One API of an account, copied to one target. */
export interface UserPipeline {
  source: UserSource;
  /** Without one, runs start only by `tidemark sync`. */
  schedule?: { cron: Text; timezone?: Text } | { every: Duration };
  /** When everything is compared with the source; `ids`: id by id even where counts agree; `repair` (default true): load what is missing. */
  audit?: ({ cron: Text; timezone?: Text } | { every: Duration }) & { ids?: boolean | EnvReference; repair?: boolean | EnvReference; target?: boolean | EnvReference };
  /** `id`: the field whose value becomes the record's `id`, as text. Default: the API's own id. */
  mapping?: { id?: Text };
  target: UserQeasyTarget | UserTableTarget | UserModuleTarget;
  /** `status` calls the pipeline late when its newest commit is older. Default: three schedule periods, at least 15 minutes. */
  freshness?: Duration;
}

export interface UserSource {
  /** Name of an account above. */
  account: Text;
  /** The API's path, for example `/open/orders/single/query`. */
  api: Text;
  /** Default and maximum: the API's own. */
  pageSize?: Count;
  /** `version`: by row version; `window`: by closed windows of modified time; `auto` (default): by version, by windows where that fails. */
  cursor?: CursorKind | EnvReference;
  /** First modified time to copy (without zone: Asia/Shanghai), or `"all"`. */
  from: Text;
  /** The longest delay between write and visibility that is covered. Default `10m`. */
  lookback?: Duration;
  /** How often the lookback is read again. Default `30m`. */
  sweepEvery?: Duration;
  /** How far the end of a window stays behind now. Default `3m`. */
  settle?: Duration;
  /** About how many records make a slice. Default 10000. */
  sliceRecords?: Count;
  /** Further parameters of the API, sent as they are. */
  params?: Record<string, JsonValue | EnvReference>;
}

/** What every target has. */
export interface UserSending {
  /** Records a request, or a statement. Default 500. */
  batchSize?: Count;
  /** Bytes that the records of a request may take. Default: no limit; 4000000 for databases. */
  maxBytes?: Count;
  /** Requests at the same time. Default 4. */
  parallel?: Count;
  /** true (default): a record already held in this version or a newer one is not sent again. */
  idCheck?: boolean | EnvReference;
  /** One request's total time limit. Default `30s`. */
  timeout?: Duration;
  /** How long a claim on a batch's ids holds without renewal; longer than `timeout`. Default: `timeout` and 15 s. */
  lease?: Duration;
  /** When the newest version of an id whose sender fell silent is sent again. Default `10m`. */
  zombieAfter?: Duration;
  /** A batch whose records are all refused stops the pipeline above this many. Default 3. */
  maxRefused?: Count;
}

export interface UserQeasyTarget extends UserSending {
  use: "qeasy";
  baseUrl: Text;
  /** The Qeasy interface. Default `写入空操作`. */
  api?: Text;
  /** Sent as `Authorization: Bearer …`. */
  secret?: Text;
  /** Further headers of each request. */
  headers?: Record<string, Text>;
  /** `array` (default): one JSON array a request; `single`: one object a request; else an object in which `"$records"` stands for the array: `{ datas: "$records" }`. */
  body?: "array" | "single" | EnvReference | Record<string, JsonValue>;
  /** An address that lists what the target holds, one JSON object `{ "id", "ts" }` a line; `tidemark audit --target` reads it. */
  heldUrl?: Text;
  /** What means success inside a 200 answer: keys and their good values. Default `{ success: [true, "true"], code: [0, "0", 200, "200"] }`. */
  success?: Record<string, JsonValue[]>;
}

/** A table of a Postgres, MySQL or MariaDB. */
export interface UserTableTarget extends UserSending {
  use: "postgres" | "mysql";
  /** `postgres://user:password@host:5432/database`, `mysql://…`. */
  url: Text;
  /** Of Postgres; default: the connection's own. */
  schema?: Text;
  /** Made where it is not there. */
  table: Text;
  /** `auto` (default): each field has a column; `json`: the whole record in the column `data`; else these fields only. */
  columns?: "auto" | "json" | EnvReference | string[];
  /** Types of fields: how their columns are made, and the consent to change them. */
  types?: Record<string, FieldType>;
  /** `json` (default): lists stay in their field's column; `tables`: each list of objects has the table `<table>_<field>`. */
  items?: "json" | "tables" | EnvReference;
}

/** A target in a module of the user's own, relative to the config file; docs/writing-a-target.md. */
export interface UserModuleTarget extends UserSending {
  use: `./${string}` | `../${string}` | `/${string}`;
  options?: Record<string, JsonValue | EnvReference>;
}
