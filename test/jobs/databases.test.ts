import { sql } from "kysely";
import { afterEach, describe, expect, test } from "vitest";
import { entriesOf, scalarText } from "../../src/json/raw.ts";
import { runAudit } from "../../src/ops/audit.ts";
import { pipelineStatus } from "../../src/ops/status.ts";
import { DATABASES, type TestDatabase } from "../support/databases.ts";
import { type Job, pipelineName, startJob } from "../support/job.ts";
import { SENDING, tableTarget } from "../support/pipeline.ts";

let job: Job;
afterEach(() => job.stop());

const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const count = async (what: ReturnType<typeof sql>) => (await what.execute(job.store.db)).rows.length;

/** Every record of the source against the table: what is missing, in another version, or unknown to the source. */
async function compare(database: TestDatabase): Promise<{ source: number; missing: string[]; stale: string[]; unknown: string[] }> {
  const truth = new Map((await (await fetch(`${job.source.url}/_admin/truth`)).text()).trim().split("\n").map((line) => {
    const { id, ts } = JSON.parse(line) as { id: string; ts: string };
    return [id, ts] as const;
  }));
  const held = new Map((await database.query("select id, _version from orders")).map(({ id, _version }) => [id!, _version!]));
  return {
    source: truth.size,
    missing: [...truth.keys()].filter((id) => !held.has(id)), unknown: [...held.keys()].filter((id) => !truth.has(id)),
    stale: [...truth].filter(([id, ts]) => held.has(id) && held.get(id) !== ts).map(([id]) => id),
  };
}

/** Text and numbers of some orders, field by field. */
async function differences(database: TestDatabase): Promise<string[]> {
  const rows = await database.query("select * from orders order by id desc limit 50");
  const found = await Promise.all(rows.map(async (row) => {
    const fields = entriesOf(await (await fetch(`${job.source.url}/_admin/record?id=${row["id"]}`)).text());
    return [...fields].flatMap(([field, raw]) => {
      const [is, should] = [row[field] ?? null, scalarText(raw)];
      if (should === null || is === should) return [];
      // decimal(38,10) of MySQL has more zeros at its end.
      return is?.replace(/(?:\.|(\.\d*[1-9]))0+$/, "$1") === should.replace(/(?:\.|(\.\d*[1-9]))0+$/, "$1") ? [] : [`${row["id"]}.${field}: ${is} instead of ${should}`];
    });
  }));
  return found.flat();
}

/** A table that takes its time, so that a worker can be met while it sends. */
const SLOW = {
  postgres: `create table orders (id text primary key);
    create function slow() returns trigger language plpgsql as $$ begin perform pg_sleep(0.004); return new; end $$;
    create trigger slow before insert on orders for each row execute function slow()`,
  mysql: `create table orders (id varchar(99) character set utf8mb4 collate utf8mb4_bin primary key);
    create trigger slow before insert on orders for each row do sleep(0.004)`,
};

describe.each(DATABASES)("$name", ({ use, skip, open }) => {
  const harm = use === "postgres" ? "killed" : "frozen, and woken after newer versions were loaded";

  test.skipIf(skip)(`orders that change all the time, a worker ${harm}: each order is there in its newest version, with every digit; an audit finds what somebody changed`, async () => {
    const database = await open();
    await database.query(SLOW[use]);
    job = await startJob({
      worker: "process", runtime: { heartbeatMs: 1_500 }, into: tableTarget({ ...SENDING, use, url: database.url, leaseMs: 3_000, zombieAfterMs: 2_000 }),
      source: { from: "all", pageSize: 50, lookbackMs: 500, sweepEveryMs: 1_000, sliceRecords: 1_000, settleMs: 200 },
      jushuitan: { orders: 1_000, days: 10, changesPerRequest: 2, insertsPerRequest: 1 },
    });
    const first = job.startWorker();
    await expect.poll(() => count(sql`select 1 from worker`), { timeout: 60_000 }).toBe(1);
    const run = job.sync();
    await expect.poll(() => count(sql`select 1 from batch where state = 'sending'`), { timeout: 60_000, interval: 10 }).toBeGreaterThan(0);
    if (use === "postgres") await first.kill();
    else process.kill(first.pid, "SIGSTOP");
    job.startWorker();
    await run;
    if (use === "mysql") {
      await fetch(`${job.source.url}/_admin/change`, { method: "POST", body: JSON.stringify({ count: 500 }) });
      await job.sync();
      process.kill(first.pid, "SIGCONT");
      await wait(3_000);
    }
    await job.freeze();
    await wait(1_200);
    await expect.poll(async () => {
      await job.sync();
      return (await pipelineStatus(job.store, job.config, pipelineName(job))).settled;
    }, { timeout: 60_000, interval: 1_000 }).toBe(true);
    const { source, ...found } = await compare(database);
    expect(found).toEqual({ missing: [], stale: [], unknown: [] });
    expect(source).toBeGreaterThan(1_000);
    expect(await differences(database)).toEqual([]);

    const audit = (repair: boolean) => runAudit(job.services, job.temporal, pipelineName(job), { byIds: false, target: true, repair }, { wait: true, signal: AbortSignal.timeout(120_000), onCost: () => undefined });
    const sums = ({ verdict, windows }: Awaited<ReturnType<typeof audit>>) => [verdict, ...(["missing", "stale", "repaired"] as const).map((what) => windows!.reduce((sum, window) => sum + window[what], 0))];
    const ids = (await database.query("select id from orders order by id limit 5")).map(({ id }) => `'${id}'`);
    await database.query(`delete from orders where id in (${ids.slice(0, 3).join(", ")})`);
    await database.query(`update orders set _version = '1', _order = 1 where id = ${ids[4]}`);
    expect(sums(await audit(false))).toEqual(["incomplete", 3, 1, 0]);
    expect(sums(await audit(true))).toEqual(["complete", 3, 1, 4]);
    expect(await compare(database)).toMatchObject({ missing: [], stale: [], unknown: [] });
  }, 240_000);
});
