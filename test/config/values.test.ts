import { describe, expect, test } from "vitest";
import { defineConfig, env } from "../../src/index.ts";
import type { UserAppAccount, UserConfig, UserPipeline, UserQeasyTarget, UserSource } from "../../src/index.ts";
import { validateConfig, type ValidateOptions } from "../../src/config/validate.ts";
import { configErrorOf, ENV, problemsOf } from "./support.ts";
import { qeasyOf } from "../support/pipeline.ts";

const OUTBOUND = "/open/orders/out/simple/query";

interface Changes {
  account?: Partial<UserAppAccount>;
  source?: Partial<UserSource>;
  target?: Partial<UserQeasyTarget>;
  pipeline?: Partial<UserPipeline>;
  top?: Partial<UserConfig>;
}

function config(changes: Changes = {}): UserConfig {
  return defineConfig({
    accounts: { main: { platform: "jushuitan", kind: "self", appKey: "k", appSecret: "hush-hush", ...changes.account } },
    pipelines: {
      orders: {
        source: { account: "main", api: "/open/orders/single/query", from: "2026-01-01", ...changes.source },
        target: { use: "qeasy", baseUrl: "http://127.0.0.1:9", ...changes.target },
        ...changes.pipeline,
      },
    },
    ...changes.top,
  });
}

const validate = (written: unknown, more: Partial<ValidateOptions> = {}) => validateConfig(written, { file: "/x/tidemark.config.ts", home: "/x/.tidemark", env: {}, ...more });
const source = (changes: Partial<UserSource>) => validate(config({ source: changes })).pipelines["orders"]!.source;
const problems = async (written: unknown, more: Partial<ValidateOptions> = {}) => problemsOf(await configErrorOf(() => validate(written, more)));
const problem = async (changes: Changes) => Object.values(await problems(config(changes)));

describe("defaults", () => {
  test("are those that the documentation names", () => {
    expect(validate(config())).toEqual({
      file: "/x/tidemark.config.ts", home: "/x/.tidemark", unset: [], apis: [],
      accounts: {
        main: {
          name: "main", platform: "jushuitan", kind: "self", baseUrl: "https://openapi.jushuitan.com", appKey: "k", appSecret: "hush-hush",
          accessToken: null, refreshToken: null, limits: { perSecond: 5, perMinute: 100 }, timeoutMs: 30_000,
        },
      },
      pipelines: {
        orders: {
          audit: null,
          name: "orders",
          source: {
            account: "main", api: "/open/orders/single/query", pageSize: 100, cursor: "auto", from: Date.UTC(2025, 11, 31, 16), lookbackMs: 600_000,
            sweepEveryMs: 1_800_000, settleMs: 180_000, sliceRecords: 10_000, keepRows: "none", params: {},
          },
          schedule: null, mapping: { id: "o_id" }, freshnessMs: 86_400_000,
          target: {
            use: "qeasy", baseUrl: "http://127.0.0.1:9", api: "写入空操作", batchSize: 500, maxBytes: null, parallel: 4, body: "array", idCheck: true, headers: {},
            timeoutMs: 30_000, leaseMs: 45_000, zombieAfterMs: 600_000, maxRefused: 3, heldUrl: null, success: { success: [true, "true"], code: [0, "0", 200, "200"] },
          },
        },
      },
      runtime: { taskQueue: "tidemark", heartbeatMs: 30_000, versioning: false },
    });
  });

  test("page size and id are those of the API", () => {
    expect(validate(config({ source: { api: OUTBOUND } })).pipelines["orders"]).toMatchObject({ source: { pageSize: 50 }, mapping: { id: "io_id" } });
  });

  test("freshness is three of the longest periods of the schedule, at least 15 minutes", () => {
    const freshness = (schedule: NonNullable<UserPipeline["schedule"]>) => validate(config({ pipeline: { schedule } })).pipelines["orders"]!.freshnessMs / 60_000;
    expect(freshness({ cron: "*/5 * * * *" })).toBe(15);
    expect(freshness({ cron: "0 * * * *" })).toBe(180);
    expect(freshness({ cron: "0 9-18 * * 1-5" })).toBe(3 * (3 * 24 - 9) * 60);
    expect(freshness({ every: "10m" })).toBe(30);
  });
});

describe("values", () => {
  test.each([["500ms", 500], ["30s", 30_000], ["10m", 600_000], ["1h", 3_600_000], ["7d", 604_800_000]])("the duration %s", (text, ms) => {
    expect(validate(config({ pipeline: { freshness: ms < 1000 ? "1s" : text }, account: { timeout: text } })).accounts["main"]!.timeoutMs).toBe(ms);
  });

  test.each(["10", "10 minutes", "-5m", "1.5h", ""])("%j is no duration", async (lookback) => {
    expect(await problem({ source: { lookback } })).toMatchObject([{ path: "pipelines.orders.source.lookback", value: JSON.stringify(lookback), example: 'lookback: "10m"' }]);
  });

  test("from is a Shanghai date, a time with a zone, or all", () => {
    expect(source({ from: "2026-01-01 08:30:00" }).from).toBe(Date.UTC(2026, 0, 1, 0, 30));
    expect(source({ from: "2026-01-01T08:30:00Z" }).from).toBe(Date.UTC(2026, 0, 1, 8, 30));
    expect(source({ from: "all" }).from).toBe("all");
  });

  test.each(["yesterday", "2026-02-30", "2999-01-01"])("from may not be %s", async (from) => {
    expect(await problem({ source: { from } })).toMatchObject([{ path: "pipelines.orders.source.from" }]);
  });

  test("a base address loses its trailing slash and has to be http", async () => {
    expect(qeasyOf(validate(config({ target: { baseUrl: "http://127.0.0.1:9/x//" } })).pipelines["orders"]!).baseUrl).toBe("http://127.0.0.1:9/x");
    expect(await problem({ target: { baseUrl: "ftp://x" } })).toMatchObject([{ path: "pipelines.orders.target.baseUrl", value: '"ftp://x"' }]);
    expect(await problem({ account: { baseUrl: "openapi.jushuitan.com" } })).toMatchObject([{ path: "accounts.main.baseUrl" }]);
  });

  test("a page larger than the API's maximum names the maximum", async () => {
    expect(await problem({ source: { pageSize: 101 } })).toMatchObject([{ path: "pipelines.orders.source.pageSize", value: "101", expected: expect.stringContaining("at most 100") }]);
    expect(await problem({ source: { api: OUTBOUND, pageSize: 100 } })).toMatchObject([{ expected: expect.stringContaining("at most 50"), example: "pageSize: 50" }]);
    expect(await problem({ source: { pageSize: 1 } })).toMatchObject([{ path: "pipelines.orders.source.pageSize" }]);
  });

  test.each([0, -1, 1.5])("limits may not be %d", async (perSecond) => {
    expect(await problem({ account: { limits: { perSecond } } })).toMatchObject([{ path: "accounts.main.limits.perSecond", value: String(perSecond), expected: "a whole number above 0" }]);
  });

  test("a slice holds at least one page", async () => {
    expect(await problem({ source: { sliceRecords: 99 } })).toMatchObject([{ path: "pipelines.orders.source.sliceRecords" }]);
    expect(source({ sliceRecords: 100 }).sliceRecords).toBe(100);
  });

  test("rows are kept for a time, for good, or not at all", async () => {
    expect(source({ keepRows: "30d" }).keepRows).toBe(2_592_000_000);
    expect(source({ keepRows: "forever" }).keepRows).toBe("forever");
    expect(await problem({ source: { keepRows: "always" } })).toMatchObject([{ path: "pipelines.orders.source.keepRows", example: 'keepRows: "30d"' }]);
  });

  test("an audit of the target needs its list", async () => {
    const heldUrl = "https://bi.example.com/held";
    const audited = (target: object) => config({ pipeline: { audit: { every: "1d", target: true } }, target });
    expect(validate(audited({ heldUrl })).pipelines["orders"]).toMatchObject({ audit: { target: true }, target: { heldUrl } });
    expect(() => validate(audited({}))).toThrow(/heldUrl/);
  });

  test("an audit of all closed time, or of the last of it", async () => {
    const last = (value?: "3d" | "3 days") => config({ pipeline: { audit: { every: "1d", ...(value === undefined ? {} : { last: value as "3d" }) } } });
    expect([validate(last()), validate(last("3d"))].map(({ pipelines }) => pipelines["orders"]!.audit!.lastMs)).toEqual([null, 3 * 86_400_000]);
    expect(Object.values(await problems(last("3 days")))).toMatchObject([{ path: "pipelines.orders.audit.last", example: 'last: "3d"' }]);
  });

  test("a lease outlives the request", async () => {
    expect(await problem({ target: { timeout: "10s", lease: "10s" } })).toMatchObject([{ path: "pipelines.orders.target.lease" }]);
    expect(validate(config({ target: { timeout: "10s", lease: "11s" } })).pipelines["orders"]!.target.leaseMs).toBe(11_000);
  });

  test("a parameter of the cursor's own is refused", async () => {
    expect(await problem({ source: { params: { page_size: 10, shop_id: 1 } } })).toMatchObject([{ path: "pipelines.orders.source.params.page_size" }]);
  });

  test("a secret is sent as Authorization, and not beside another Authorization", async () => {
    expect(qeasyOf(validate(config({ target: { secret: "s3" } })).pipelines["orders"]!).headers).toEqual({ Authorization: "Bearer s3" });
    expect(await problem({ target: { secret: "s3", headers: { authorization: "Basic x" } } })).toMatchObject([{ path: "pipelines.orders.target.headers.authorization" }]);
  });

  test("versioning names a worker deployment after the task queue", async () => {
    expect(await problem({ top: { runtime: { versioning: true, taskQueue: "shop.orders" } } })).toMatchObject([{ path: "runtime.taskQueue", value: '"shop.orders"' }]);
    expect(validate(config({ top: { runtime: { versioning: true } } })).runtime.versioning).toBe(true);
    expect(validate(config({ top: { runtime: { taskQueue: "shop.orders" } } })).runtime.taskQueue).toBe("shop.orders");
  });

  test("a header's value is one line", async () => {
    expect(await problem({ target: { headers: { "X-A": "a\r\nX-B: b" } } })).toMatchObject([{ path: "pipelines.orders.target.headers.X-A" }]);
  });
});

describe("schedules", () => {
  const schedule = async (written: object) => (await problem({ pipeline: { schedule: written as NonNullable<UserPipeline["schedule"]> } }))[0];

  test("an interval becomes what Temporal reads", () => {
    expect(validate(config({ pipeline: { schedule: { every: "10s" } } })).pipelines["orders"]!.schedule).toEqual({ crons: ["@every 10s"], timezone: "Asia/Shanghai" });
  });

  test("one crontab or several, of 5 fields, with seconds, or of Quartz", () => {
    const cron = ["*/5 9-18 * * 1-5", "0 0 12 ? * SUN", "15 0 4 1 * 1", "0 */5 9-18 * * 1-5", "*/5 9-18 * * 1-5"];
    const { schedule, audit } = validate(config({ pipeline: { schedule: { cron }, audit: { cron: "0 30 4 * * ?" } } })).pipelines["orders"]!;
    expect(schedule?.crons).toEqual(["*/5 9-18 * * 1,2,3,4,5", "0 12 * * 0", "15 0 4 1 * * *", "15 0 4 * * 1 *"]);
    expect(audit?.crons).toEqual(["30 4 * * *"]);
  });

  test.each(["61 * * * *", "* * * *", "often", "0 0 L * *", "@hourly"])("%s is refused", async (cron) => {
    expect(await schedule({ cron })).toMatchObject({ path: "pipelines.orders.schedule.cron", value: JSON.stringify(cron) });
  });

  test.each([[{ cron: ["0 * * * *", "0 0 2 ? * 2"] }, "cron[1]", '"0 0 2 ? * 2"', /a weekday by its name/], [{ cron: [] }, "cron", "a list", /a crontab/], [{ cron: ["0 * * * *", 5] }, "cron[1]", "5", /5 fields/], [{ cron: 5 }, "cron", "5", /a crontab/]])(
    "%j is refused where it is wrong", async (written, at, value, expected) => {
      expect(await schedule(written)).toMatchObject({ path: `pipelines.orders.schedule.${at}`, value, expected: expect.stringMatching(expected) as string });
    },
  );

  test.each(["Asia/Shangai", "+08:00"])("the time zone %s is refused", async (timezone) => {
    expect(await schedule({ cron: "0 * * * *", timezone })).toMatchObject({ path: "pipelines.orders.schedule.timezone", example: 'timezone: "Asia/Shanghai"' });
  });

  test.each([{}, { cron: "0 * * * *", every: "10s" }])("cron or every: %j", async (written) => {
    expect(await schedule(written)).toMatchObject({ path: "pipelines.orders.schedule" });
  });
});

describe("names", () => {
  test("an unknown API, account or setting is answered with the nearest", async () => {
    expect(await problem({ source: { api: "/open/order/single/query" } })).toMatchObject([{ path: "pipelines.orders.source.api", expected: expect.stringContaining('Did you mean /open/orders/single/query?') }]);
    expect(await problem({ source: { account: "mian" } })).toMatchObject([{ path: "pipelines.orders.source.account", expected: expect.stringContaining('Did you mean "main"?') }]);
    expect(await problem({ source: { pagesize: 50 } as Partial<UserSource> })).toMatchObject([{ path: "pipelines.orders.source.pagesize", value: "50", expected: expect.stringContaining('Did you mean "pageSize"?') }]);
    expect(await problem({ top: { pipeline: {} } as Partial<UserConfig> })).toMatchObject([{ path: "pipeline", expected: expect.stringContaining('Did you mean "pipelines"?') }]);
  });

  test("a pipeline's name is fit for a workflow id", async () => {
    expect(Object.keys(await problems({ ...config(), pipelines: { "a/b": config().pipelines["orders"] } }))).toEqual(['pipelines["a/b"]']);
    expect(Object.keys(validate({ ...config(), pipelines: { 订单: config().pipelines["orders"] } }).pipelines)).toEqual(["订单"]);
  });

  test("no pipelines at all is a mistake", async () => {
    expect(Object.keys(await problems({ ...config(), pipelines: {} }))).toEqual(["pipelines"]);
  });
});

describe("the error", () => {
  test("tells every problem at once, in the message and as data", async () => {
    const error = await configErrorOf(() => validate(config({ account: { limits: { perSecond: 0 }, baseUrl: "x" }, source: { pageSize: 500, lookback: "soon" }, target: { use: "oracle" as "qeasy" } })));
    expect(error.code).toBe("TM_CONFIG");
    expect(Object.keys(problemsOf(error)).sort()).toEqual([
      "accounts.main.baseUrl", "accounts.main.limits.perSecond", "pipelines.orders.source.lookback", "pipelines.orders.source.pageSize", "pipelines.orders.target.use",
    ]);
    for (const path of Object.keys(problemsOf(error))) expect(error.message).toContain(path);
    expect(error.path).toBe(Object.keys(problemsOf(error))[0]);
  });

  test("holds no secret", async () => {
    const written = config({ account: { appSecret: { hidden: "hush-hush" } as unknown as string, baseUrl: "ftp://me:hush-hush@x" }, target: { headers: { "X-A": "hush-hush\n" } } });
    const error = await configErrorOf(() => validate(written));
    expect(Object.keys(problemsOf(error))).toHaveLength(3);
    expect(`${error.message}${error.fix}${JSON.stringify(error.details)}`).not.toContain("hush-hush");
  });
});

describe("env()", () => {
  const written = () => config({ account: { appKey: env("JST_APP_KEY"), appSecret: env("JST_APP_SECRET") }, target: { baseUrl: env("QEASY_BASE_URL"), batchSize: env("BATCH", "20") } });

  test("gives the environment's value, or the default where it is unset or empty", () => {
    expect(validate(written(), { env: ENV }).pipelines["orders"]!.target).toMatchObject({ baseUrl: "http://127.0.0.1:9", batchSize: 20 });
    expect(validate(written(), { env: { ...ENV, BATCH: "7" } }).pipelines["orders"]!.target.batchSize).toBe(7);
    expect(validate(written(), { env: { ...ENV, BATCH: "" } }).pipelines["orders"]!.target.batchSize).toBe(20);
  });

  test("names each unset variable and where it is wanted", async () => {
    const found = await problems(written(), { env: { JST_APP_KEY: "" } });
    expect(Object.keys(found)).toEqual(["accounts.main.appKey", "accounts.main.appSecret", "pipelines.orders.target.baseUrl"]);
    expect(found["accounts.main.appKey"]).toMatchObject({ value: expect.stringContaining("JST_APP_KEY"), example: expect.stringContaining("export JST_APP_KEY=") });
  });

  test("may be unset where the command does not need the account or target", async () => {
    const two = { ...written(), accounts: { ...written().accounts, other: { ...written().accounts["main"], appKey: env("OTHER_KEY") } } };
    expect(validate(two, { env: {}, needs: "none" }).unset.map(({ variable }) => variable)).toEqual(["JST_APP_KEY", "JST_APP_SECRET", "OTHER_KEY", "JST_APP_SECRET", "QEASY_BASE_URL"]);
    expect(validate(two, { env: ENV, needs: { pipelines: ["orders"] } }).unset).toEqual([{ path: "accounts.other.appKey", variable: "OTHER_KEY" }]);
    expect(Object.keys(await problems(two, { env: { ...ENV, JST_APP_KEY: "" }, needs: { pipelines: ["orders"] } }))).toEqual(["accounts.main.appKey"]);
  });

  test("is wanted outside of accounts and targets by every command", async () => {
    const elsewhere = config({ source: { from: env("FROM") }, top: { runtime: { taskQueue: env("QUEUE") } } });
    expect(Object.keys(await problems(elsewhere, { needs: "none" })).sort()).toEqual(["pipelines.orders.source.from", "runtime.taskQueue"]);
  });

  test("cannot silently become a part of a text", () => {
    expect(() => `${env("HOST") as unknown as string}/path`).toThrow('env("HOST") cannot be part of a longer text');
  });
});
