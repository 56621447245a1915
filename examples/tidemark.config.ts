import { defineConfig, env } from "tidemark";

// Durations: "500ms", "30s", "10m", "1h", "7d". Dates and times without a zone are Asia/Shanghai.
// env("NAME") has to be set, here or in a file .env beside this one; env("NAME", "x") is "x" otherwise.
export default defineConfig({
  accounts: {
    main: {
      platform: "jushuitan",
      kind: "self", // a merchant's own app; "isv", "legacy" and "bearer": docs/accounts.md
      baseUrl: env("JST_BASE_URL", "https://openapi.jushuitan.com"),
      appKey: env("JST_APP_KEY"),
      appSecret: env("JST_APP_SECRET"),
      // Seeds of the token store. Optional for "self", which gets its tokens by itself.
      accessToken: env("JST_ACCESS_TOKEN", ""),
      refreshToken: env("JST_REFRESH_TOKEN", ""),
      limits: { perSecond: 5, perMinute: 100 }, // what the platform grants, all workers together
    },
  },
  pipelines: {
    orders: {
      source: {
        account: "main",
        api: "/open/orders/single/query", // or "/open/orders/out/simple/query": outbound documents
        pageSize: 100, // default: the API's maximum
        cursor: "version", // "version": by row version; "window": by closed windows of modified time; "auto"
        from: "2026-01-01", // first modified time to copy, or "all"
        lookback: "10m", // the longest delay between write and visibility that is covered
        sweepEvery: "30m", // how often the lookback is read again
        settle: "3m", // how far the end of a window stays behind now
        params: {}, // further parameters of the API
      },
      schedule: { cron: "*/5 * * * *", timezone: "Asia/Shanghai" }, // or { every: "30s" }
      mapping: { id: "o_id" }, // adds `id` as a string; all fields pass through digit for digit
      target: {
        use: "qeasy",
        baseUrl: env("QEASY_BASE_URL"),
        api: "写入空操作",
        // secret: env("QEASY_SECRET"), // sent as Authorization: Bearer …
        batchSize: 500, // records a request
        parallel: 4, // requests at the same time
        body: "array", // "array": one JSON array a request; "single": one object a request
        idCheck: true, // what the target holds in this version or a newer one is not sent again
      },
    },
  },
});
