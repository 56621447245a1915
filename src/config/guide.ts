/** What may stand at a path of the configuration. */
export interface Guide {
  expected: string;
  /** As it would stand in tidemark.config.ts. */
  example: string;
  /** Never printed. */
  secret?: true;
}

const duration = (example: string): Guide => ({ expected: 'a duration: a whole number and ms, s, m, h or d', example });
const count = (example: string): Guide => ({ expected: "a whole number above 0", example });
const url = (example: string): Guide => ({ expected: "an http:// or https:// address", example });

/** Every path that a configuration may have; `*` stands for a name that the user chooses. */
const GUIDES: Readonly<Record<string, Guide>> = {
  "": { expected: "an object with accounts and pipelines", example: "export default defineConfig({ accounts: { … }, pipelines: { … } })" },
  accounts: { expected: "one or more accounts by name", example: 'accounts: { main: { platform: "jushuitan", kind: "self", … } }' },
  "accounts.*": { expected: "an account; its name has letters, digits, _ . - and at most 64 characters", example: 'main: { platform: "jushuitan", kind: "self", appKey: env("JST_APP_KEY"), appSecret: env("JST_APP_SECRET") }' },
  "accounts.*.platform": { expected: '"jushuitan"', example: 'platform: "jushuitan"' },
  "accounts.*.kind": { expected: '"self" (a merchant\'s own app) or "isv" (a service provider\'s app)', example: 'kind: "self"' },
  "accounts.*.baseUrl": url('baseUrl: "https://openapi.jushuitan.com"'),
  "accounts.*.appKey": { expected: "the app's key", example: 'appKey: env("JST_APP_KEY")', secret: true },
  "accounts.*.appSecret": { expected: "the app's secret", example: 'appSecret: env("JST_APP_SECRET")', secret: true },
  "accounts.*.accessToken": { expected: "text; leave it out where there is none", example: 'accessToken: env("JST_ACCESS_TOKEN", "")', secret: true },
  "accounts.*.refreshToken": { expected: "text; leave it out where there is none", example: 'refreshToken: env("JST_REFRESH_TOKEN", "")', secret: true },
  "accounts.*.limits": { expected: "the requests that the platform grants", example: "limits: { perSecond: 5, perMinute: 100 }" },
  "accounts.*.limits.perSecond": count("perSecond: 5"),
  "accounts.*.limits.perMinute": count("perMinute: 100"),
  "accounts.*.timeout": duration('timeout: "30s"'),
  pipelines: { expected: "one or more pipelines by name", example: 'pipelines: { orders: { source: { … }, mapping: { id: "o_id" }, target: { … } } }' },
  "pipelines.*": { expected: "a pipeline; its name has letters, digits, _ . - and at most 64 characters", example: 'orders: { source: { … }, mapping: { id: "o_id" }, target: { … } }' },
  "pipelines.*.source": { expected: "what is copied", example: 'source: { account: "main", api: "/open/orders/single/query", from: "2026-01-01" }' },
  "pipelines.*.source.account": { expected: "the name of one of the accounts", example: 'account: "main"' },
  "pipelines.*.source.api": { expected: "the path of an API that Tidemark knows", example: 'api: "/open/orders/single/query"' },
  "pipelines.*.source.pageSize": { expected: "a whole number from 2 to the API's maximum", example: "pageSize: 100" },
  "pipelines.*.source.cursor": { expected: '"version", "window" or "auto"', example: 'cursor: "version"' },
  "pipelines.*.source.from": { expected: 'a date, a time (Asia/Shanghai unless it names a zone), or "all"', example: 'from: "2026-01-01"' },
  "pipelines.*.source.lookback": duration('lookback: "10m"'),
  "pipelines.*.source.sweepEvery": duration('sweepEvery: "30m"'),
  "pipelines.*.source.settle": duration('settle: "3m"'),
  "pipelines.*.source.sliceRecords": { expected: "a whole number, at least the page size", example: "sliceRecords: 10000" },
  "pipelines.*.source.params": { expected: "further parameters of the API, as JSON", example: "params: { shop_id: 10001 }" },
  "pipelines.*.schedule": { expected: "when runs start: a cron expression, or an interval", example: 'schedule: { cron: "*/5 * * * *", timezone: "Asia/Shanghai" }' },
  "pipelines.*.schedule.cron": { expected: "a cron expression of 5 fields: minute hour day month weekday", example: 'cron: "*/5 * * * *"' },
  "pipelines.*.schedule.timezone": { expected: "a time zone by its IANA name", example: 'timezone: "Asia/Shanghai"' },
  "pipelines.*.schedule.every": { expected: "a duration of whole seconds, instead of cron", example: 'schedule: { every: "30s" }' },
  "pipelines.*.audit": { expected: "when audits start: a cron expression, or an interval", example: 'audit: { cron: "30 4 * * *", repair: true }' },
  "pipelines.*.audit.cron": { expected: "a cron expression of 5 fields: minute hour day month weekday", example: 'cron: "30 4 * * *"' },
  "pipelines.*.audit.timezone": { expected: "a time zone by its IANA name", example: 'timezone: "Asia/Shanghai"' },
  "pipelines.*.audit.every": { expected: "a duration of whole seconds, instead of cron", example: 'audit: { every: "1d" }' },
  "pipelines.*.audit.ids": { expected: "true or false", example: "ids: false" },
  "pipelines.*.audit.repair": { expected: "true or false", example: "repair: true" },
  "pipelines.*.audit.target": { expected: "true or false", example: "target: true" },
  "pipelines.*.mapping": { expected: "how a record is made from a row", example: 'mapping: { id: "o_id" }' },
  "pipelines.*.mapping.id": { expected: "the name of the field that becomes the record's id", example: 'id: "o_id"' },
  "pipelines.*.target": { expected: "where records go", example: 'target: { use: "qeasy", baseUrl: env("QEASY_BASE_URL"), api: "写入空操作" }' },
  "pipelines.*.target.use": { expected: '"qeasy", "postgres", "mysql", or the path of a module of your own that begins with . or /', example: 'use: "qeasy"' },
  "pipelines.*.target.baseUrl": url('baseUrl: env("QEASY_BASE_URL")'),
  "pipelines.*.target.api": { expected: "the name of the Qeasy interface", example: 'api: "写入空操作"' },
  "pipelines.*.target.secret": { expected: "text, sent as Authorization: Bearer …", example: 'secret: env("QEASY_SECRET")', secret: true },
  "pipelines.*.target.headers": { expected: "headers by name; Authorization here or secret, not both", example: 'headers: { "X-Source": "tidemark" }' },
  "pipelines.*.target.headers.*": { expected: "a header's value: one line of text", example: '"X-Source": "tidemark"', secret: true },
  "pipelines.*.target.url": { expected: "an address with a database: postgres://user:password@host:5432/database, mysql://user:password@host:3306/database", example: 'url: env("TARGET_URL")', secret: true },
  "pipelines.*.target.schema": { expected: "a schema of Postgres; MySQL has none beside the database of the address", example: 'schema: "public"' },
  "pipelines.*.target.table": { expected: "the name of a table", example: 'table: "orders"' },
  "pipelines.*.target.columns": { expected: '"auto" (a column a field), "json" (the whole record in the column data) or a list of fields', example: 'columns: "auto"' },
  "pipelines.*.target.types": { expected: 'fields, each "text", "integer", "decimal", "boolean", "timestamp" or "json"', example: 'types: { pay_amount: "decimal", created: "timestamp" }' },
  "pipelines.*.target.items": { expected: '"json" (lists stay in their column) or "tables" (each list of objects has a table)', example: 'items: "json"' },
  "pipelines.*.target.module": { expected: "the path of a module whose default export makes a target", example: 'use: "./my-target.ts"' },
  "pipelines.*.target.options": { expected: "what the module is given, as JSON", example: 'options: { folder: "/srv/orders" }' },
  "pipelines.*.target.batchSize": count("batchSize: 500"),
  "pipelines.*.target.maxBytes": { expected: "a whole number of bytes, 100 or more", example: "maxBytes: 1000000" },
  "pipelines.*.target.parallel": count("parallel: 4"),
  "pipelines.*.target.body": { expected: '"array" (one JSON array a request), "single" (one object a request), or an object in which "$records" stands once for the array', example: 'body: { datas: "$records" }' },
  "pipelines.*.target.idCheck": { expected: "true or false", example: "idCheck: true" },
  "pipelines.*.target.timeout": duration('timeout: "30s"'),
  "pipelines.*.target.lease": { expected: "a duration at least 1 s longer than the target's timeout", example: 'lease: "45s"' },
  "pipelines.*.target.zombieAfter": duration('zombieAfter: "10m"'),
  "pipelines.*.target.maxRefused": { expected: "a whole number, 0 or more", example: "maxRefused: 3" },
  "pipelines.*.target.heldUrl": url('heldUrl: "https://bi.example.com/orders/held"'),
  "pipelines.*.target.success": { expected: "keys of an answer, each with the list of values that mean success", example: 'success: { success: [true], code: [0, "0"] }' },
  "pipelines.*.freshness": duration('freshness: "15m"'),
  runtime: { expected: "settings of workers", example: 'runtime: { taskQueue: "tidemark", heartbeat: "30s" }' },
  "runtime.taskQueue": { expected: "a name", example: 'taskQueue: "tidemark"' },
  "runtime.heartbeat": duration('heartbeat: "30s"'),
  "runtime.versioning": { expected: "true or false", example: "versioning: true" },
};

/** The guide of a path such as `pipelines.orders.source.pageSize`, or of what it is part of. */
export function guideFor(path: readonly PropertyKey[]): Guide {
  for (let length = path.length; length > 0; length--) {
    const guide = GUIDES[patternOf(path.slice(0, length))];
    if (guide !== undefined) return guide;
  }
  return GUIDES[""]!;
}

/** The keys that an object at this path may have; empty where the user chooses them. */
export function keysAt(path: readonly PropertyKey[]): string[] {
  const pattern = patternOf(path);
  const prefix = pattern === "" ? "" : `${pattern}.`;
  const below = Object.keys(GUIDES).filter((key) => key !== "" && key.startsWith(prefix) && key !== pattern);
  return [...new Set(below.map((key) => key.slice(prefix.length).split(".")[0]!))].filter((key) => key !== "*");
}

/** Whether the value at this path is a secret, wherever below it lies. */
export function isSecret(path: readonly PropertyKey[]): boolean {
  return guideFor(path).secret === true;
}

function patternOf(path: readonly PropertyKey[]): string {
  const wild = (index: number) => (index === 1 && (path[0] === "accounts" || path[0] === "pipelines")) || (index === 4 && path[3] === "headers");
  return path.map((key, index) => (wild(index) ? "*" : String(key))).join(".");
}
