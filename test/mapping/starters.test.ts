import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { ordersFlat, ordersWithItems } from "../../examples/mappings/orders.ts";
import { outboundFlat, outboundWithItems } from "../../examples/mappings/outbound.ts";
import { refundsFlat, refundsWithItems } from "../../examples/mappings/refunds.ts";
import type { UserMapping } from "../../src/index.ts";
import { runExamples } from "../../src/ops/mapping-examples.ts";
import { ORDERS } from "../../src/simulator/jushuitan/order-row.ts";
import { OUTBOUND } from "../../src/simulator/jushuitan/outbound-row.ts";
import { mapRow, mappingOf } from "./support.ts";

test.each<[string, UserMapping]>([
  ["orders-flat", ordersFlat], ["orders-items", ordersWithItems], ["outbound-flat", outboundFlat], ["outbound-items", outboundWithItems], ["refunds-flat", refundsFlat], ["refunds-items", refundsWithItems],
])("%s makes what its examples say", async (name, mapping) => {
  const file = fileURLToPath(new URL(`../../examples/mappings/${name}.examples.json`, import.meta.url));
  const results = await runExamples({ name, mapping: mappingOf(mapping) }, file, new AbortController().signal);
  expect(results.filter(({ ok }) => !ok)).toEqual([]);
  expect(results.length).toBeGreaterThan(0);
});

test.each([["orders", ORDERS, [ordersFlat, ordersWithItems]], ["outbound", OUTBOUND, [outboundFlat, outboundWithItems]]] as const)("the wire's oddities put no row of %s aside", async (_name, table, mappings) => {
  for (let index = 0; index < 60; index++) {
    const raw = table.render({ seed: 7, index, order: index, changes: index % 4, created: 1_767_225_600, modified: 1_767_225_700, ts: "20260101000000455", oddities: true });
    for (const mapping of mappings) {
      const row = await mapRow(mapping, raw);
      expect(row).toMatchObject({ documents: [{ json: expect.stringContaining('"version":"20260101000000455"') as string }] });
    }
  }
});
