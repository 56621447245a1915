import type { Pool } from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { modelDatabase } from "./model/database.ts";
import { playSeed } from "./model/run.ts";

const first = Number(process.env["MODEL_SEED"] ?? 1);
const runs = Number(process.env["MODEL_RUNS"] ?? 12);

let pool: Pool;
beforeAll(async () => void (pool = await modelDatabase()));
afterAll(() => pool.end());

test(`whatever is interleaved, crashes or wakes up late, the store is never half-written (seeds ${first} to ${first + runs - 1})`, { timeout: 60_000 + runs * 20_000 }, async () => {
  for (let seed = first; seed < first + runs; seed++) {
    const { steps, wrong, trail } = await playSeed(pool, seed);
    if (process.env["MODEL_LOG"] !== undefined) console.log(`seed ${seed}: ${steps} steps`);
    if (wrong.length > 0) expect.fail(`MODEL_SEED=${seed} MODEL_RUNS=1, step ${steps}:\n${wrong.join("\n")}\nThe last steps:\n${trail.slice(-60).join("\n")}`);
  }
});
