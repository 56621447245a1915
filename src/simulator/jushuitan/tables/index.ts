import { DOCUMENT_TABLES } from "./documents.ts";
import { EXAMPLE_TABLES } from "./examples.ts";
import { GOODS_TABLES } from "./goods.ts";
import { PARTY_TABLES } from "./parties.ts";
import { STOCK_TABLES } from "./stock.ts";
import type { GenericTable } from "./table.ts";

/** What the simulator serves beside orders and outbound documents, by path. */
export const TABLES: ReadonlyMap<string, GenericTable> = new Map([...DOCUMENT_TABLES, ...GOODS_TABLES, ...STOCK_TABLES, ...PARTY_TABLES, ...EXAMPLE_TABLES].map((one) => [one.path, one]));
