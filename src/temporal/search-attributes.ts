import type { Client } from "@temporalio/client";
import { SEARCH_ATTRIBUTES } from "./server.ts";

/** INDEXED_VALUE_TYPE_KEYWORD. */
const KEYWORD = 2;

/** Makes sure that the namespace knows Tidemark's search attributes; servers that we start register them themselves. */
export async function registerSearchAttributes({ client, namespace }: { client: Client; namespace: string }): Promise<void> {
  const { operatorService } = client.connection;
  const { customAttributes } = await operatorService.listSearchAttributes({ namespace });
  const missing = Object.keys(SEARCH_ATTRIBUTES).filter((name) => !(name in (customAttributes ?? {})));
  if (missing.length === 0) return;
  await operatorService.addSearchAttributes({ namespace, searchAttributes: Object.fromEntries(missing.map((name) => [name, KEYWORD])) });
}
