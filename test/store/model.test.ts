import type { Pool } from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { modelDatabase } from "./model/database.ts";
import { playSeed } from "./model/run.ts";

const first = Number(process.env["MODEL_SEED"] ?? 1);
const given = process.env["MODEL_RUNS"];
const runs = Number(given ?? 40);
/** Without a number of runs: no other run begins after this long (ms). */
const ENOUGH_MS = 20_000;

let pool: Pool;
beforeAll(async () => void (pool = await modelDatabase()));
afterAll(() => pool.end());

test("whatever is interleaved, crashes or wakes up late, the store is never half-written", { timeout: 60_000 + runs * 20_000 }, async () => {
  const begun = Date.now();
  for (let seed = first; seed < first + runs; seed++) {
    if (given === undefined && Date.now() > begun + ENOUGH_MS) break;
    const { steps, wrong, trail } = await playSeed(pool, seed);
    if (wrong.length > 0) expect.fail(`MODEL_SEED=${seed} MODEL_RUNS=1, step ${steps}:\n${wrong.join("\n")}\nThe last steps:\n${trail.slice(-60).join("\n")}`);
  }
});
