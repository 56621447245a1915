import { nearest } from "../../config/nearest.ts";
import { ConfigError } from "../../errors.ts";
import type { ApiDescription } from "../contract.ts";
import { GOODS_APIS } from "./catalogue/goods.ts";
import { ORDER_APIS } from "./catalogue/orders.ts";
import { PARTY_APIS } from "./catalogue/parties.ts";
import { PURCHASE_APIS } from "./catalogue/purchases.ts";
import { REFUND_APIS } from "./catalogue/refunds.ts";
import { STOCK_APIS } from "./catalogue/stock.ts";
import { REFRESH_TOKEN } from "./catalogue/tokens.ts";

/**
 * The APIs that Tidemark knows, one row each. Facts from the official field texts, except where integrators' notes are
 * named beside them.
 */
export const CATALOGUE: readonly ApiDescription[] = [...ORDER_APIS, ...REFUND_APIS, ...GOODS_APIS, ...STOCK_APIS, ...PURCHASE_APIS, ...PARTY_APIS, REFRESH_TOKEN];

/** What the platform has and no pipeline can read, with the reason, in words for people. */
export const UNREADABLE: readonly { name: string; why: string }[] = [
  ...CATALOGUE.flatMap(({ historyMethod, path }) => (historyMethod === null ? [] : [{ name: historyMethod, why: `archived records on the old platform: a pipeline of ${path} asks for them as well` }])),
  ...["jushuitan.order.list.query", "jushuitan.refund.list.query", "jushuitan.saleout.list.query"].map((name) => ({ name, why: "of the Qimen (奇门) gateway, which Tidemark does not speak to" })),
];

/** Whether a pipeline can read what a strategy of Qeasy means by its `api`; a text: what it is instead. */
export function canRead(name: string): boolean | string {
  return findApi(name) !== undefined || (UNREADABLE.find((one) => one.name === name.trim())?.why ?? false);
}

/** What to do about a name that is no API which a pipeline can read. */
export function adviceFor(name: string, known: readonly string[]): string {
  const unreadable = UNREADABLE.find((one) => one.name === name.trim());
  if (unreadable !== undefined) return `${unreadable.name} is ${unreadable.why}.`;
  const near = nearest(plain(name), known.map(plain));
  const meant = findApi(name)?.path ?? known.find((one) => plain(one) === near);
  return `${meant === undefined ? "" : `Did you mean ${meant}? `}"tidemark apis" lists those that Tidemark knows; another one that reads can be described under apis in the config.`;
}

/**
 * The description of a path: the configuration's own, else the catalogue's.
 * @throws ConfigError `TM_CONFIG_API`, with the nearest known path
 */
export function getApi(path: string, described: readonly ApiDescription[] = []): ApiDescription {
  const apis = [...described, ...CATALOGUE];
  const found = apis.find((api) => api.path === path);
  if (found !== undefined) return found;
  const known = apis.map((api) => api.path);
  throw new ConfigError("TM_CONFIG_API", `Unknown source API ${JSON.stringify(path)}`, {
    fix: adviceFor(path, known),
    details: { known },
  });
}

/** The description that a strategy of Qeasy means by its `api`: the path, the old method, or either with other signs between its words. */
export function findApi(name: string): ApiDescription | undefined {
  const exact = CATALOGUE.find((api) => api.path === name || api.method === name);
  return exact ?? CATALOGUE.find((api) => letters(api.path) === letters(name) || (api.method !== null && letters(api.method) === letters(name)));
}

function letters(name: string): string {
  return name.toLowerCase().replace(/[^a-z]+/g, "").replace(/^open/, "");
}

/** Without what people write differently: `orders.single.query` for `/open/orders/single/query`. */
function plain(path: string): string {
  return path.toLowerCase().replace(/[^a-z]+/g, "/").replace(/^\/|\/$/g, "");
}
