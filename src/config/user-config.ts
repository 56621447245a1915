import type { SafeCursor } from "../source/contract.ts";
import type { EnvReference } from "./define.ts";
import type { CursorKind, FieldType, JsonValue } from "./types.ts";
import type { UserMapping } from "./user-mapping.ts";

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
  /** APIs that are not in the catalogue, by path. */
  apis?: Record<string, UserApi>;
  runtime?: {
    /** Temporal task queue of workers and schedules. Default `tidemark`. */
    taskQueue?: Text;
    /** How long an activity may be silent before Temporal gives it to another worker. Default `30s`. */
    heartbeat?: Duration;
    /** true: a run stays with the build that began it (docs/upgrades.md). Default false. */
    versioning?: boolean | EnvReference;
  };
}

interface AnyUserAccount {
  platform: "jushuitan";
  /** Default: the production address of the kind of account. */
  baseUrl?: Text;
  /** What the platform grants the account, all workers together. Default 5 and 100. */
  limits?: { perSecond?: Count; perMinute?: Count };
  /** One request's total time limit. Default `30s`. */
  timeout?: Duration;
}

/** An app on the new open platform. */
export interface UserAppAccount extends AnyUserAccount {
  /** `self`: a merchant's own app; `isv`: a service provider's app. */
  kind: "self" | "isv" | EnvReference;
  appKey: Text;
  appSecret: Text;
  /** Seeds of the token store; optional for `self`, which gets its tokens by itself. */
  accessToken?: Text;
  refreshToken?: Text;
  /** `isv` only: when `accessToken` expires, a date or a time; without it the expiry is known once a code was exchanged. */
  tokenExpiresAt?: Text;
  /** `isv` only: the page on which a merchant authorises the app. Default `https://openweb.jushuitan.com/auth`. */
  authUrl?: Text;
}

/** The old platform. */
export interface UserLegacyAccount extends AnyUserAccount {
  kind: "legacy";
  partnerId: Text;
  partnerKey: Text;
  /** Seed of the token store; or `tidemark token set`. */
  token?: Text;
  /** When it expires, a date or a time. Without it: one year from the last refresh that took effect. */
  tokenExpiresAt?: Text;
  /** How long business calls wait after a refresh. Default `45s`. */
  holdAfterRefresh?: Duration;
}

/** The simple form: a bearer token that `refresh.token` exchanges. */
export interface UserBearerAccount extends AnyUserAccount {
  kind: "bearer";
  /** Seed of the token store; or `tidemark token set`. */
  token?: Text;
  /** The id whose token the account uses. Default: the only one, or the first of an answer. */
  tokenId?: Text;
}

/** An account of a platform. */
export type UserAccount = UserAppAccount | UserLegacyAccount | UserBearerAccount;

/** What is known of an API that is not in the catalogue (`tidemark apis show` prints the same of one that is). */
export interface UserApi {
  title?: Text;
  /** Its name on the old platform. */
  method?: Text | null;
  /** Its name there for archived records; they are asked for by `archiveParam` otherwise. */
  historyMethod?: Text | null;
  /** Possible keys of the list in the answer. Default `["datas"]`. */
  listFields?: readonly Text[];
  /** Whether the answer has no `data` wrapper; both forms are read. Default false. */
  flat?: boolean | EnvReference;
  /** The field that identifies a row, or several joined by `+`; the first has to be there. */
  idField: Text;
  /** Default `modified`; several joined by `+`: the latest counts; null: rows have none. */
  modifiedField?: Text | null;
  /** The field with the row's version. Default: none. */
  versionField?: Text | null;
  /** The parameter that asks for versions at or above a value. Default: none. */
  versionParam?: Text | null;
  /** true: a version query takes no other parameters. Default false. */
  versionAlone?: boolean | EnvReference;
  /** The largest page. Default 50. */
  pageSize?: Count;
  /** The last page that can be asked for. */
  maxPages?: Count | null;
  /** The widest span of a window; a minute less is asked for. Default `7d`. */
  window?: Duration;
  /** The parameters with begin and end of a window. Default `["modified_begin", "modified_end"]`. */
  windowKeys?: readonly [Text, Text];
  /** Those of a second window that is asked for as well, where one alone does not bring every change. Default: none. */
  otherWindowKeys?: readonly [Text, Text] | null;
  /** Parameters that a window needs to select everything by modified time. */
  windowParams?: Record<string, JsonValue | EnvReference>;
  /** Parameters that are sent unless a pipeline sets them otherwise. */
  params?: Record<string, JsonValue | EnvReference>;
  /** Whether windows announce totals. Default true. */
  totals?: boolean | EnvReference;
  /** Whether a version query may say `is_get_total: false`. Default: where there is a versionParam. */
  totalsParam?: boolean | EnvReference;
  /** The parameter that asks for archived records. */
  archiveParam?: Text | null;
  /** Default: `version` with a versionParam, else `window`. */
  cursor?: SafeCursor | EnvReference;
  /** Why nothing that is read of it can be proved; said wherever the API is named. */
  notProvable?: Text | null;
  parameters?: readonly Text[];
  oddities?: readonly Text[];
  /** What it never returns; said in every proof. */
  neverReturns?: readonly Text[];
}

/** One API of an account, copied to one target. */
export interface UserPipeline {
  source: UserSource;
  /** Crontabs of 5 fields, of 6 with seconds first, or of Quartz with `?`. Without a schedule runs start only by `tidemark sync`. */
  schedule?: { cron: Text | readonly Text[]; timezone?: Text } | { every: Duration };
  /** When closed time is compared with the source; `last`: how much of it, back from now (default: all, since `source.from`); `ids`: id by id even where counts agree; `repair` (default true): load what is missing. */
  audit?: ({ cron: Text | readonly Text[]; timezone?: Text } | { every: Duration }) & { last?: Duration; ids?: boolean | EnvReference; repair?: boolean | EnvReference; target?: boolean | EnvReference };
  /** How a record is made from a row. Default: as it is, with `id` added. */
  mapping?: UserMapping;
  /** Uuid of the strategy of Qeasy that this pipeline runs: lookups (`_findCollection`) of other pipelines name it. */
  strategy?: Text;
  target: UserQeasyTarget | UserTableTarget | UserModuleTarget;
  /** `status` calls the pipeline late when its newest commit is older. Default: three schedule periods, at least 15 minutes. */
  freshness?: Duration;
}

export interface UserSource {
  /** Name of an account above. */
  account: Text;
  /** A file with the source's half of a strategy of Qeasy, from the config's folder: it gives api, page size, parameters, id, schedule and audit, and changes rows as it says. Settings beside it win. */
  qeasy?: string;
  /** The API's path, for example `/open/orders/single/query`; needed without `qeasy`. */
  api?: Text;
  /** Default and maximum: the API's own. */
  pageSize?: Count;
  /** `version`: by row version; `window`: by closed windows of modified time; `auto` (default): the API's safest, versions with windows where they fail. */
  cursor?: CursorKind | EnvReference;
  /** First modified time to copy (without zone: Asia/Shanghai), or `"all"`; `refresh.token` needs none. */
  from?: Text;
  /** The longest delay between write and visibility that is covered. Default `10m`. */
  lookback?: Duration;
  /** How often the lookback is read again. Default `30m`. */
  sweepEvery?: Duration;
  /** How far the end of a window stays behind now. Default `3m`. */
  settle?: Duration;
  /** About how many records make a slice. Default 10000. */
  sliceRecords?: Count;
  /** How long each record's newest raw row is kept, for `tidemark remap` and lookups: `none` (default), `forever`, or a time since it was read last. */
  keepRows?: Duration;
  /** Further parameters of the API, sent as they are. */
  params?: Record<string, JsonValue | EnvReference>;
  /** `refresh.token` only: a count or a list of the answer, which is compared with the rows read, or a field of the row. */
  number?: Text;
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
  /** A file with the target's half of a strategy of Qeasy: its request makes the records. Settings beside it win. */
  qeasy?: string;
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
