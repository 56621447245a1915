import { expect, test } from "vitest";
import { pairsOf } from "../../src/cli/commands/preview-pairs.ts";

test("each field of the record stands beside what it comes from; then what is not sent", () => {
  const source = '{"o_id":1,"so_id":"a","amount":206.00,"receiver":{"city":"x","mobile":"138"},"shop_name":"s","items":[{"sku_id":"k"}],"junk":1}';
  const record = '{"id":"1","no":"a","buyer":{"town":"x"},"label":"a s","lines":[{"sku":"k"}],"amountCny":1,"oId":1,"receiverMobile":"138","made":2}';
  const pairs = pairsOf(source, record, {
    id: "so_id", names: "camel", flatten: ["receiver"],
    fields: { no: { from: "so_id" }, "buyer.town": { from: "receiver.city" }, label: { template: "{so_id} {shop_name}" }, lines: { each: "items" }, amountCny: { expression: "1" } },
  });
  expect(pairs.map(({ source, before, target, after }) => [source, before, target, after].join(" | "))).toEqual([
    'so_id | "a" | id | "1"',
    'so_id | "a" | no | "a"',
    'receiver.city | "x" | buyer.town | "x"',
    '{so_id} {shop_name} |  | label | "a s"',
    'items | [{"sku_id":"k"}] | lines | [{"sku":"k"}]',
    "1 |  | amountCny | 1",
    "o_id | 1 | oId | 1",
    'receiver.mobile | "138" | receiverMobile | "138"',
    " |  | made | 2",
    "amount | 206.00 |  | ",
    'shop_name | "s" |  | ',
    "junk | 1 |  | ",
  ]);
});
