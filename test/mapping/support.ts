import { expect } from "vitest";
import { validateConfig } from "../../src/config/validate.ts";
import type { UserMapping } from "../../src/index.ts";
import { type MappedRow, openMapper } from "../../src/mapping/mapper.ts";
import type { MappingConfig } from "../../src/mapping/types.ts";
import { asItIs } from "../../src/qeasy/as-is.ts";
import { importStrategies, type Notice } from "../../src/qeasy/index.ts";
import { findApi } from "../../src/source/jushuitan/index.ts";

/** A mapping as a config file's becomes one. @throws ConfigError */
export function mappingOf(mapping: unknown): MappingConfig {
  const config = {
    accounts: { main: { platform: "jushuitan", kind: "self", appKey: "k", appSecret: "s" } },
    pipelines: {
      orders: { source: { account: "main", api: "/open/orders/single/query", from: "all" }, mapping, target: { use: "qeasy", baseUrl: "http://127.0.0.1:9" } },
    },
  };
  return validateConfig(config, { file: "/x/tidemark.config.ts", home: "/x/.tidemark", env: {} }).pipelines["orders"]!.mapping;
}

/** What becomes of one row with the id 1. */
export async function mapRow(mapping: UserMapping, raw: string): Promise<MappedRow> {
  const mapper = openMapper({ name: "orders", mapping: mappingOf(mapping) });
  if (mapper === null) throw new Error("the mapping is none");
  const [row] = await mapper.map([{ id: "1", raw }], new AbortController().signal);
  await mapper.close();
  return row!;
}

/** The record without its id, or the refusal's code. */
export async function mappedText(mapping: UserMapping, raw: string): Promise<string> {
  const row = await mapRow(mapping, raw);
  return "documents" in row ? row.documents.map(({ json }) => json).join("\n").replace(/^\{"id":"1",?/, "{") : row.code;
}

/** The mapping of a strategy of orders that runs as it is. */
export async function strategyMapping(source: object, target?: object): Promise<MappingConfig> {
  const texts = [{ text: JSON.stringify({ api: "orders.single.query", id: "o_id", ...source }), side: "source" as const }, ...(target === undefined ? [] : [{ text: JSON.stringify({ api: "写入空操作", ...target }), side: "target" as const }])];
  const imported = importStrategies(texts);
  const refused: Notice[] = [];
  const { mapping, qeasy } = await asItIs(imported, findApi("orders.single.query")!, [], (each) => void (each.severity === "refused" && refused.push(each)));
  expect(refused).toEqual([]);
  return { id: mapping.id ?? "o_id", ...(qeasy === undefined ? {} : { qeasy }) };
}
