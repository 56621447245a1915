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
const flag = (example: string): Guide => ({ expected: "true or false", example });
const zone = (example: string): Guide => ({ expected: "a time zone by its IANA name", example });
const url = (example: string): Guide => ({ expected: "an http:// or https:// address", example });

const path = (example: string): Guide => ({ expected: "the path of a field of the source; a dot leads into an object, a number into a list", example });

/** Fields of lists have the same settings as those of the record. */
const FIELD = "pipelines.*.mapping.fields.*";

function recordGuides(at: string): Record<string, Guide> {
  return {
    [`${at}.rest`]: { expected: '"keep" or "drop"', example: 'rest: "drop"' },
    [`${at}.names`]: { expected: '"camel" or "snake"; leave it out to keep names', example: 'names: "camel"' },
    [`${at}.drop`]: { expected: "a list of paths of the source", example: 'drop: ["receiver_mobile"]' },
    [`${at}.flatten`]: { expected: "a list of paths of objects of the source", example: 'flatten: ["receiver"]' },
    [`${at}.fields`]: { expected: "fields by their names in the target", example: 'fields: { orderNo: "so_id", total: { from: "pay_amount", type: "decimal" } }' },
    [`${at}.fields.*`]: { expected: "the path of a field, or how it is made: from, value, template, expression or each", example: 'total: { from: "pay_amount", type: "decimal" }' },
  };
}

function timingGuides(at: string, what: string, example: string): Record<string, Guide> {
  return {
    [at]: { expected: `when ${what} start: a crontab, or an interval`, example },
    [`${at}.cron`]: { expected: "a crontab, or a list of them: minute hour day month weekday, with seconds before them if wanted", example: 'cron: "*/5 * * * *"' },
    [`${at}.timezone`]: zone('timezone: "Asia/Shanghai"'),
    [`${at}.every`]: { expected: "a duration of whole seconds, instead of cron", example: 'every: "30s"' },
  };
}

/** Every path that a configuration may have; `*` stands for a name that the user chooses. */
const GUIDES: Readonly<Record<string, Guide>> = {
  "": { expected: "an object with accounts and pipelines", example: "export default defineConfig({ accounts: { … }, pipelines: { … } })" },
  accounts: { expected: "one or more accounts by name", example: 'accounts: { main: { platform: "jushuitan", kind: "self", … } }' },
  "accounts.*": { expected: "an account; its name has letters, digits, _ . - and at most 64 characters", example: 'main: { platform: "jushuitan", kind: "self", appKey: env("JST_APP_KEY"), appSecret: env("JST_APP_SECRET") }' },
  "accounts.*.platform": { expected: '"jushuitan"', example: 'platform: "jushuitan"' },
  "accounts.*.kind": { expected: '"self" (a merchant\'s own app), "isv" (a service provider\'s app), "legacy" (the old platform, query.aspx) or "bearer" (refresh.token with a bearer token)', example: 'kind: "self"' },
  "accounts.*.baseUrl": url('baseUrl: "https://openapi.jushuitan.com"'),
  "accounts.*.appKey": { expected: "the app's key", example: 'appKey: env("JST_APP_KEY")', secret: true },
  "accounts.*.appSecret": { expected: "the app's secret", example: 'appSecret: env("JST_APP_SECRET")', secret: true },
  "accounts.*.accessToken": { expected: "text; leave it out where there is none", example: 'accessToken: env("JST_ACCESS_TOKEN", "")', secret: true },
  "accounts.*.refreshToken": { expected: "text; leave it out where there is none", example: 'refreshToken: env("JST_REFRESH_TOKEN", "")', secret: true },
  "accounts.*.tokenExpiresAt": { expected: "a date or a time (Asia/Shanghai unless it names a zone)", example: 'tokenExpiresAt: "2026-12-31"' },
  "accounts.*.authUrl": url('authUrl: "https://openweb.jushuitan.com/auth"'),
  "accounts.*.partnerId": { expected: "the partner id", example: 'partnerId: env("JST_PARTNER_ID")', secret: true },
  "accounts.*.partnerKey": { expected: "the partner key", example: 'partnerKey: env("JST_PARTNER_KEY")', secret: true },
  "accounts.*.token": { expected: "text; leave it out where there is none", example: 'token: env("JST_TOKEN", "")', secret: true },
  "accounts.*.holdAfterRefresh": duration('holdAfterRefresh: "45s"'),
  "accounts.*.tokenId": { expected: "the id whose token the account uses", example: 'tokenId: "12345"' },
  "accounts.*.limits": { expected: "the requests that the platform grants", example: "limits: { perSecond: 5, perMinute: 100 }" },
  "accounts.*.limits.perSecond": count("perSecond: 5"),
  "accounts.*.limits.perMinute": count("perMinute: 100"),
  "accounts.*.timeout": duration('timeout: "30s"'),
  apis: { expected: "APIs that are not in the catalogue, by path", example: 'apis: { "/open/example/query": { idField: "id" } }' },
  "apis.*": { expected: "what is known of an API, by its path: a text that begins with /", example: '"/open/example/query": { idField: "id", windowParams: { date_type: 0 } }' },
  "apis.*.title": { expected: "text", example: 'title: "示例查询"' },
  "apis.*.method": { expected: "the interface's name on the old platform, or null", example: 'method: "example.query"' },
  "apis.*.historyMethod": { expected: "the interface's name for archived records on the old platform, or null", example: 'historyMethod: "example.history.query"' },
  "apis.*.listFields": { expected: "keys that the list may have in an answer", example: 'listFields: ["datas"]' },
  "apis.*.flat": flag("flat: true"),
  "apis.*.idField": { expected: "the field that identifies a row, or several joined by +", example: 'idField: "sku_id+wms_co_id"' },
  "apis.*.modifiedField": { expected: "the field with a row's modified time, or several joined by +, or null", example: 'modifiedField: "modified"' },
  "apis.*.versionField": { expected: "the field with a row's version, or null", example: 'versionField: "ts"' },
  "apis.*.versionParam": { expected: "the parameter that asks for versions at or above a value, or null", example: 'versionParam: "start_ts"' },
  "apis.*.versionAlone": flag("versionAlone: true"),
  "apis.*.pageSize": { expected: "a whole number, 2 or more: the largest page", example: "pageSize: 50" },
  "apis.*.maxPages": { expected: "a whole number above 0, or null", example: "maxPages: 800" },
  "apis.*.window": { expected: "a duration of at least 2m: the widest span of a window", example: 'window: "7d"' },
  "apis.*.windowKeys": { expected: "the two parameters with begin and end of a window", example: 'windowKeys: ["start_time", "end_time"]' },
  "apis.*.otherWindowKeys": { expected: "the two parameters with begin and end of a second window, or null", example: 'otherWindowKeys: ["link_modified_begin", "link_modified_end"]' },
  "apis.*.windowParams": { expected: "parameters as JSON that a window needs to select by modified time", example: "windowParams: { date_type: 0 }" },
  "apis.*.params": { expected: "parameters as JSON that are sent unless a pipeline sets them", example: "params: { wms_co_id: 0 }" },
  "apis.*.totals": flag("totals: false"),
  "apis.*.totalsParam": flag("totalsParam: false"),
  "apis.*.archiveParam": { expected: "the parameter that asks for archived records, or null", example: 'archiveParam: "archive"' },
  "apis.*.cursor": { expected: '"version", "window" or "snapshot"', example: 'cursor: "window"' },
  "apis.*.notProvable": { expected: "why nothing that is read of it can be proved, or null", example: 'notProvable: "rows carry no modified time"' },
  "apis.*.parameters": { expected: "a list of texts", example: 'parameters: ["shop_id"]' },
  "apis.*.oddities": { expected: "a list of texts", example: 'oddities: ["no totals"]' },
  "apis.*.neverReturns": { expected: "a list of texts: what the API never returns", example: 'neverReturns: ["deleted records"]' },
  pipelines: { expected: "one or more pipelines by name", example: 'pipelines: { orders: { source: { … }, mapping: { id: "o_id" }, target: { … } } }' },
  "pipelines.*": { expected: "a pipeline; its name has letters, digits, _ . - and at most 64 characters", example: 'orders: { source: { … }, mapping: { id: "o_id" }, target: { … } }' },
  "pipelines.*.source": { expected: "what is copied", example: 'source: { account: "main", api: "/open/orders/single/query", from: "2026-01-01" }' },
  "pipelines.*.source.account": { expected: "the name of one of the accounts", example: 'account: "main"' },
  "pipelines.*.source.qeasy": { expected: "the path of a file with the source's half of a strategy of Qeasy", example: 'qeasy: "./source.json"' },
  "pipelines.*.source.api": { expected: "the path of an API that Tidemark knows, or that is described under apis", example: 'api: "/open/orders/single/query"' },
  "pipelines.*.source.pageSize": { expected: "a whole number from 2 to the API's maximum", example: "pageSize: 100" },
  "pipelines.*.source.cursor": { expected: '"version", "window" or "auto"', example: 'cursor: "version"' },
  "pipelines.*.source.from": { expected: 'a date, a time (Asia/Shanghai unless it names a zone), or "all"', example: 'from: "2026-01-01"' },
  "pipelines.*.source.lookback": duration('lookback: "10m"'),
  "pipelines.*.source.sweepEvery": duration('sweepEvery: "30m"'),
  "pipelines.*.source.settle": duration('settle: "3m"'),
  "pipelines.*.source.sliceRecords": { expected: "a whole number, at least the page size", example: "sliceRecords: 10000" },
  "pipelines.*.source.keepRows": { expected: '"none", "forever" or a duration', example: 'keepRows: "30d"' },
  "pipelines.*.source.params": { expected: "further parameters of the API, as JSON", example: "params: { shop_id: 10001 }" },
  "pipelines.*.source.number": { expected: "the name of a count, of a list or of a field of its rows", example: 'number: "msg"' },
  "pipelines.*.strategy": { expected: "the uuid of the strategy of Qeasy that this pipeline runs", example: 'strategy: "1fbda962-66f8-3cba-914f-26119e235199"' },
  ...timingGuides("pipelines.*.schedule", "runs", 'schedule: { cron: "*/5 * * * *", timezone: "Asia/Shanghai" }'),
  ...timingGuides("pipelines.*.audit", "audits", 'audit: { cron: "30 4 * * *", repair: true }'),
  "pipelines.*.audit.last": duration('last: "3d"'),
  "pipelines.*.audit.ids": flag("ids: false"),
  "pipelines.*.audit.repair": flag("repair: true"),
  "pipelines.*.audit.target": flag("target: true"),
  "pipelines.*.mapping": { expected: "how a record is made from a row", example: 'mapping: { id: "o_id" }' },
  "pipelines.*.mapping.id": { expected: "the name of the field that becomes the record's id", example: 'id: "o_id"' },
  "pipelines.*.mapping.hashKey": { expected: 'text, the key of mask: "hash"', example: 'hashKey: env("HASH_KEY")', secret: true },
  "pipelines.*.mapping.filter": { expected: "a CEL expression over record that gives true or false", example: 'filter: "record.status != \'Cancelled\'"' },
  "pipelines.*.mapping.explode": { expected: "the path of a list, or { list, id }; not into tables", example: 'explode: "items"' },
  "pipelines.*.mapping.explode.list": path('explode: { list: "items", id: "oi_id" }'),
  "pipelines.*.mapping.explode.id": { expected: "the path of a field of the list's elements", example: 'explode: { list: "items", id: "oi_id" }' },
  "pipelines.*.mapping.script": { expected: "the path of a file that exports transform(record, context)", example: 'script: "./orders-script.ts"' },
  "pipelines.*.mapping.scriptTimeout": duration('scriptTimeout: "5s"'),
  ...recordGuides("pipelines.*.mapping"),
  ...recordGuides(FIELD),
  [`${FIELD}.from`]: path('from: "receiver.city"'),
  [`${FIELD}.value`]: { expected: "any JSON value", example: 'value: "jushuitan"' },
  [`${FIELD}.template`]: { expected: "text with {path} for a value; {{ and }} for a brace", example: 'template: "{shop_name} {so_id}"' },
  [`${FIELD}.expression`]: { expected: "a CEL expression over record", example: 'expression: "times(record.qty, record.price)"' },
  [`${FIELD}.each`]: path('each: "items"'),
  [`${FIELD}.explode`]: { expected: "no explode", example: 'each: "items"' },
  [`${FIELD}.type`]: { expected: '"text", "integer", "decimal", "boolean" or "datetime"', example: 'type: "decimal"' },
  [`${FIELD}.scale`]: { expected: "a whole number from 0 to 30", example: "scale: 2" },
  [`${FIELD}.format`]: { expected: 'a Luxon format, "epoch-ms" or "epoch-s"', example: 'format: "yyyy/MM/dd HH:mm"' },
  [`${FIELD}.zone`]: zone('zone: "Asia/Shanghai"'),
  [`${FIELD}.to`]: { expected: '"iso", "epoch-ms", "epoch-s" or a Luxon format', example: 'to: "yyyy-MM-dd"' },
  [`${FIELD}.toZone`]: zone('toZone: "UTC"'),
  [`${FIELD}.values`]: { expected: "the target's values by the source's", example: 'values: { Sent: "shipped", Cancelled: "cancelled" }' },
  [`${FIELD}.others`]: { expected: '"refuse", "keep" or { default: … }', example: 'others: { default: "other" }' },
  [`${FIELD}.missing`]: { expected: '"null", "omit", "omit-null", "required" or { default: … }', example: 'missing: { default: "" }' },
  [`${FIELD}.mask`]: { expected: '"hash", "all", "name", "phone" or { start: …, end: … }', example: 'mask: "phone"' },
  "pipelines.*.target": { expected: "where records go", example: 'target: { use: "qeasy", baseUrl: env("QEASY_BASE_URL"), api: "写入空操作" }' },
  "pipelines.*.target.use": { expected: '"qeasy", "postgres", "mysql", or the path of a module of your own that begins with . or /', example: 'use: "qeasy"' },
  "pipelines.*.target.qeasy": { expected: "the path of a file with the target's half of a strategy of Qeasy", example: 'qeasy: "./target.json"' },
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
  "pipelines.*.target.idCheck": flag("idCheck: true"),
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
  "runtime.versioning": flag("versioning: true"),
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
  const wild = (index: number) => (index === 1 && ["accounts", "pipelines", "apis"].includes(String(path[0]))) || (index === 4 && path[3] === "headers");
  const pattern = path.map((key, index) => (wild(index) ? "*" : String(key)));
  return pattern[2] === "mapping" && pattern[3] === "fields" ? fieldPattern(pattern).join(".") : pattern.join(".");
}

/** A field's pattern, however deep in lists it is. */
function fieldPattern(pattern: readonly string[]): string[] {
  const [rest, start] = [pattern.slice(4), pattern.slice(0, 4)];
  while (rest.length > 2 && rest[1] === "fields") rest.splice(0, 2);
  return [...start, ...(rest.length === 0 ? [] : ["*", ...rest.slice(1)])];
}
