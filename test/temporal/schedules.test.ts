import { randomBytes } from "node:crypto";
import { Client, Connection } from "@temporalio/client";
import { CronExpressionParser } from "cron-parser";
import { afterAll, beforeAll, expect, test } from "vitest";
import { validateConfig } from "../../src/config/validate.ts";
import { deploySchedules, scheduleState } from "../../src/temporal/schedules.ts";
import { sharedTemporal } from "../support/servers.ts";

const UNIQUE = randomBytes(4).toString("hex");
let connection: Connection;
let client: Client;
beforeAll(async () => {
  connection = await Connection.connect({ address: (await sharedTemporal()).address });
  client = new Client({ connection });
});
afterAll(async () => {
  const { pipelines, accounts } = config();
  const ids = [...Object.keys(pipelines).flatMap((name) => [`sync/${name}`, `audit/${name}`]), ...Object.keys(accounts).map((name) => `refresh-token/${name}`)];
  for (const id of ids) {
    await client.schedule.getHandle(id).delete().catch(() => undefined);
    // It may have been due while it was looked at.
    await client.workflow.getHandle(id).terminate().catch(() => undefined);
  }
  await connection.close();
});

const CRONS: [name: string, cron: string | string[], timezone: string][] = [
  ["five", "*/5 * * * *", "Asia/Shanghai"],
  ["seconds", "30 */7 8-18 * * *", "Asia/Shanghai"],
  ["quartz", "0 0/15 8-18 ? * MON-FRI", "America/New_York"],
  ["weekend", "0 0 9 ? 1-12/5 SAT,SUN", "Asia/Kolkata"],
  ["either", "0 4 1 * 1", "America/New_York"],
  ["list", ["0 9 * * mon-fri", "0 0 12 ? * SUN", "15 10 1,15 * 6", "45 30 22 28 * *"], "Europe/Berlin"],
];
/** Mondays with an odd date, which cron-parser reads as either. */
const ODD_MONDAYS = "0 4 */2 * 1";

const config = () =>
  validateConfig({
    accounts: { [`main-${UNIQUE}`]: { platform: "jushuitan", kind: "self", appKey: "k", appSecret: "s" } },
    pipelines: Object.fromEntries([...CRONS, ["odd", ODD_MONDAYS, "UTC"] as const].map(([name, cron, timezone]) => [`${name}-${UNIQUE}`, {
      source: { account: `main-${UNIQUE}`, api: "/open/orders/single/query", from: "2026-01-01" },
      schedule: { cron, timezone }, audit: { cron, timezone }, target: { use: "qeasy", baseUrl: "http://127.0.0.1:9" },
    }])),
    runtime: { taskQueue: `schedules-${UNIQUE}` },
  }, { file: "/nowhere/tidemark.config.ts", home: "/nowhere/.tidemark", env: {} });

/** The crontabs' next runs after a moment, as cron-parser reads what was written. */
function expected(cron: string | string[], tz: string, after: Date, count: number): string[] {
  const times = [cron].flat().flatMap((each) => CronExpressionParser.parse(each, { currentDate: after, tz }).take(count).map((date) => date.toDate().toISOString()));
  return [...new Set(times)].toSorted().slice(0, count);
}

test("Temporal starts runs and audits when the crontabs of the config say, by their time zones", async () => {
  const changes = await deploySchedules(client, config());
  expect(changes.find(({ id }) => id === `sync/either-${UNIQUE}`)).toMatchObject({ change: "created", crons: ["0 4 1 * *", "0 4 * * 1"], timezone: "America/New_York" });
  for (const [name, cron, timezone] of CRONS) {
    for (const kind of ["sync", "audit"]) {
      const before = new Date();
      const { nextActionTimes } = (await client.schedule.getHandle(`${kind}/${name}-${UNIQUE}`).describe()).info;
      const found = nextActionTimes.map((time) => time.toISOString());
      expect(found.length, name).toBeGreaterThan(5);
      const wanted = expected(cron, timezone, before, found.length + 5);
      // Runs may have become due while Temporal was asked.
      const skipped = wanted.indexOf(found[0]!);
      expect(wanted.slice(0, Math.max(skipped, 0)).every((time) => Date.parse(time) <= Date.now()), name).toBe(true);
      expect(found, `${kind} ${name}`).toEqual(wanted.slice(skipped, skipped + found.length));
    }
  }
});

test("a day of month that begins with * is joined to the weekday by AND", async () => {
  await deploySchedules(client, config());
  const { nextActionTimes } = (await client.schedule.getHandle(`sync/odd-${UNIQUE}`).describe()).info;
  expect(nextActionTimes.length).toBeGreaterThan(5);
  expect(nextActionTimes.filter((time) => time.getUTCDay() !== 1 || time.getUTCDate() % 2 !== 1)).toEqual([]);
});

test("a schedule tells its next run, or that it is paused; without one there is nothing to tell", async () => {
  const [name, cron, timezone] = CRONS[0]!;
  await deploySchedules(client, config());
  const handle = client.schedule.getHandle(`sync/${name}-${UNIQUE}`);
  const before = new Date();
  const state = await scheduleState(client, `${name}-${UNIQUE}`);
  expect(expected(cron, timezone, before, 2)).toContain(state?.nextRunAt);
  expect(state?.paused).toBe(false);
  await handle.pause();
  expect(await scheduleState(client, `${name}-${UNIQUE}`)).toEqual({ nextRunAt: null, paused: true });
  expect(await scheduleState(client, `other-${UNIQUE}`)).toBeNull();
});
