import { nearest } from "../../config/nearest.ts";
import { ConfigError } from "../../errors.ts";
import type { ApiDescription } from "../contract.ts";
import { REFRESH } from "./refresh.ts";

const MINUTE_MS = 60_000;
/** The platform checks its 7 days strictly; integrators' notes advise a minute less. */
const SEVEN_DAYS_MS = 7 * 24 * 60 * MINUTE_MS - MINUTE_MS;

/** What the standard order interfaces leave out, by the title of the official page and integrators' notes. */
const OWN_MALLS_ONLY = [
  "Taobao and Tmall (淘系) orders: they need the Qimen (奇门) route",
  "Pinduoduo (拼多多) orders: they need the Qimen (奇门) route",
] as const;

/** The exchange of a bearer account's tokens: each run makes one, and its records tell of it. */
const REFRESH_TOKEN: ApiDescription = {
  path: REFRESH,
  method: REFRESH,
  call: true,
  title: "刷新令牌",
  listFields: ["msg"],
  idField: "id",
  modifiedField: "time",
  versionField: null,
  versionParam: null,
  pageSize: { min: 2, default: 50, max: 50 },
  windowMs: SEVEN_DAYS_MS,
  windowParams: {},
  totals: false,
  archive: false,
  neverReturns: [],
};

/**
 * The APIs that Tidemark knows, one row each. Facts from the official field texts, except where integrators' notes are
 * named above. Outbound windows narrow to one day with `drp_co_id`; the list of outbound rows is `datas` by the field
 * text and `orders` by one client, so both are accepted.
 */
export const CATALOGUE: readonly ApiDescription[] = [
  {
    path: "/open/orders/single/query",
    method: "orders.single.query",
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
    method: "orders.out.simple.query",
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
  REFRESH_TOKEN,
];

/**
 * The catalogue's row of a path.
 * @throws ConfigError `TM_CONFIG_API`, with the nearest known path
 */
export function getApi(path: string): ApiDescription {
  const found = CATALOGUE.find((api) => api.path === path);
  if (found !== undefined) return found;
  const known = CATALOGUE.map((api) => api.path);
  const near = nearest(plain(path), known.map(plain));
  const meant = known.find((one) => plain(one) === near);
  throw new ConfigError("TM_CONFIG_API", `Unknown source API ${JSON.stringify(path)}`, {
    fix: `${meant === undefined ? "" : `Did you mean ${meant}? `}Known APIs: ${known.join(", ")}`,
    details: { known },
  });
}

/** Without what people write differently: `orders.single.query` for `/open/orders/single/query`. */
function plain(path: string): string {
  return path.toLowerCase().replace(/[^a-z]+/g, "/").replace(/^\/|\/$/g, "");
}
