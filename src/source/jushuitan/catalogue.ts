import { ConfigError } from "../../errors.ts";
import type { ApiDescription } from "../contract.ts";

const MINUTE_MS = 60_000;
/** The platform checks its 7 days strictly; integrators' notes advise a minute less. */
const SEVEN_DAYS_MS = 7 * 24 * 60 * MINUTE_MS - MINUTE_MS;

/** What the standard order interfaces leave out, by the title of the official page and integrators' notes. */
const OWN_MALLS_ONLY = [
  "Taobao and Tmall (淘系) orders: they need the Qimen (奇门) route",
  "Pinduoduo (拼多多) orders: they need the Qimen (奇门) route",
] as const;

/**
 * The APIs that Tidemark knows, one row each. Facts from the official field texts, except where integrators' notes are
 * named above. Outbound windows narrow to one day with `drp_co_id`; the list of outbound rows is `datas` by the field
 * text and `orders` by one client, so both are accepted.
 */
export const CATALOGUE: readonly ApiDescription[] = [
  {
    path: "/open/orders/single/query",
    title: "订单查询（自有商城、跨境线下）",
    listFields: ["orders"],
    idField: "o_id",
    modifiedField: "modified",
    versionField: "ts",
    versionParam: "start_ts",
    pageSize: { min: 2, default: 100, max: 100 },
    windowMs: SEVEN_DAYS_MS,
    windowParams: { date_type: 0 },
    totals: true,
    archive: true,
    neverReturns: OWN_MALLS_ONLY,
  },
  {
    path: "/open/orders/out/simple/query",
    title: "销售出库查询",
    listFields: ["datas", "orders"],
    idField: "io_id",
    modifiedField: "modified",
    versionField: "ts",
    versionParam: "start_ts",
    pageSize: { min: 2, default: 50, max: 50 },
    windowMs: SEVEN_DAYS_MS,
    windowParams: { date_type: 0 },
    totals: true,
    archive: true,
    neverReturns: [
      "orders that have not reached a warehouse: outbound documents begin there",
      "shipments of Taobao and Tmall (淘系) and Pinduoduo (拼多多), but for a few: they need the Qimen (奇门) route",
    ],
  },
];

/**
 * The catalogue's row of a path.
 * @throws ConfigError `TM_CONFIG_API`, with the nearest known path
 */
export function getApi(path: string): ApiDescription {
  const found = CATALOGUE.find((api) => api.path === path);
  if (found !== undefined) return found;
  const known = CATALOGUE.map((api) => api.path);
  const nearest = nearestOf(path, known);
  throw new ConfigError("TM_CONFIG_API", `Unknown source API ${JSON.stringify(path)}`, {
    fix: `${nearest === null ? "" : `Did you mean ${nearest}? `}Known APIs: ${known.join(", ")}`,
    details: { known },
  });
}

/** The candidate that differs least; null when all differ in more than half of their characters. */
function nearestOf(text: string, candidates: readonly string[]): string | null {
  const plain = (path: string) => path.toLowerCase().replace(/[^a-z]+/g, "/").replace(/^\/|\/$/g, "");
  const ranked = candidates
    .map((candidate) => ({ candidate, distance: editDistance(plain(text), plain(candidate)) }))
    .sort((a, b) => a.distance - b.distance);
  const best = ranked[0];
  return best !== undefined && best.distance <= best.candidate.length / 2 ? best.candidate : null;
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const swap = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(swap, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
