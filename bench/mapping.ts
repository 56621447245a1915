import { ordersFlat, ordersWithItems } from "../examples/mappings/orders.ts";
import { elementsOf, withStringMember } from "../src/json/raw.ts";
import { openMapper } from "../src/mapping/mapper.ts";
import { ORDERS } from "../src/simulator/jushuitan/order-row.ts";
import { mappingOf } from "../test/mapping/support.ts";

/**
 * How long mapping a page's orders takes, as a multiple of passing them through: `npx tsx bench/mapping.ts`. The best of seven
 * rounds each, in turns, so that a busy machine slows all of them alike.
 */
const ORDER_COUNT = 2_000;
const BATCH = 500;
const ROUNDS = 7;
const rows = Array.from({ length: ORDER_COUNT }, (_, index) =>
  ORDERS.render({ seed: 7, index, order: index, changes: index % 4, created: 1_767_225_600, modified: 1_767_225_700, ts: "20260101000000455", oddities: true }));
const page = `[${rows.join(",")}]`;
const script = { file: "bench.ts", code: "export const transform = (record) => ({ ...record, extra: 1 });", hash: "", timeoutMs: 60_000 };

const mappings = {
  "one field renamed": mappingOf({ fields: { orderNo: "so_id" } }),
  "all names in camel case": mappingOf({ names: "camel" }),
  "starter, orders flat": mappingOf(ordersFlat),
  "starter, orders with items": mappingOf(ordersWithItems),
  "a script": { id: "o_id", script },
};
const mappers = Object.entries(mappings).map(([name, mapping]) => ({ name, mapper: openMapper({ name: "orders", mapping })!, best: Infinity }));
let through = Infinity;
for (let round = 0; round < ROUNDS; round++) {
  through = Math.min(through, await timed(() => elementsOf(page).map((raw, i) => withStringMember(raw, "id", String(i)))));
  for (const one of mappers) {
    one.best = Math.min(one.best, await timed(async () => {
      const texts = elementsOf(page);
      for (let at = 0; at < texts.length; at += BATCH) await one.mapper.map(texts.slice(at, at + BATCH).map((raw, i) => ({ id: String(i), raw })), new AbortController().signal);
    }));
  }
}
print("passed through", through);
for (const { name, mapper, best } of mappers) {
  print(name, best);
  await mapper.close();
}

async function timed(work: () => unknown): Promise<number> {
  const began = performance.now();
  await work();
  return performance.now() - began;
}

function print(name: string, ms: number): void {
  process.stdout.write(`${name.padEnd(28)} ${(ms / through).toFixed(1).padStart(5)} times ${Math.round((ORDER_COUNT / ms) * 1_000).toString().padStart(7)} orders/s\n`);
}
