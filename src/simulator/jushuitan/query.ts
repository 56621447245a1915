import { memberText, objectMembers, scalar } from "../json-bytes.ts";
import { shanghaiSeconds } from "../shanghai.ts";
import { badParameter, type Refusal } from "./codes.ts";
import type { TableDescription } from "./collection.ts";
import type { JushuitanSettings } from "./options.ts";
import { orderOfSoId } from "./order-facts.ts";
import type { View } from "./version-log.ts";

/** A data request, understood. */
export interface Query {
  page: number;
  pageSize: number;
  totals: boolean;
  view: View;
  /** Lowest row version asked for, decimal digits. */
  startTs: string | null;
  /** Epoch seconds, both ends as asked. */
  window: { begin: number; end: number } | null;
  /** The window is one of the rows' other time. */
  byOtherTime: boolean;
  /** Ids asked for by name. */
  ids: number[] | null;
  /** Only rows in one of these; null: whatever they are in. */
  statuses: readonly string[] | null;
}

const MOST_SO_IDS = 20;
/** Filters of the real interface that the simulator does not have: refused, since to ignore them would be a lie. */
const NOT_OFFERED = [
  "shop_id", "is_offline_shop", "status", "order_types", "order_flds", "order_item_flds", "l_ids", "wave_ids", "wms_co_id", "owner_co_id",
  "drp_co_id", "InoutFlds", "InoutItemFlds",
];

/** Reads `biz`; numbers may be numeric text, as on the real platform. */
export function readQuery(biz: string, table: TableDescription, settings: JushuitanSettings): Query | Refusal {
  const bytes = Buffer.from(biz);
  let members;
  try {
    members = objectMembers(bytes);
  } catch {
    return badParameter("biz");
  }
  if (members === null) return badParameter("biz");
  const raw = (name: string) => memberText(bytes, members, name);
  const filter = NOT_OFFERED.find((name) => raw(name) !== null);
  if (filter !== undefined) return badParameter(`${filter} (模拟器不支持)`);
  if ((scalar(raw("date_type")) ?? "0") !== "0") return badParameter("date_type (模拟器只支持 0)");

  const page = whole(raw("page_index"), 1);
  const pageSize = whole(raw("page_size"), table.pageDefault);
  if (page === null || page < 1) return badParameter("page_index");
  if (pageSize === null || pageSize < 1 || pageSize > table.pageMax) return badParameter(`page_size 最大${table.pageMax}`);

  const startTs = raw("start_ts") === null ? null : scalar(raw("start_ts"));
  if (raw("start_ts") !== null && (startTs === null || !/^\d{1,20}$/.test(startTs))) return badParameter("start_ts");
  const window = readWindow(raw("modified_begin"), raw("modified_end"), settings.windowSeconds);
  if (window !== null && "code" in window) return window;
  const ids = readIds(raw(table.idsParam), raw("so_ids"), table);
  if (ids !== null && "code" in ids) return ids;
  if (startTs === null && window === null && ids === null) return badParameter("modified_begin, modified_end");
  const archive = /^"?true"?$/.test(raw("archive") ?? "");
  return {
    page,
    pageSize,
    totals: !/^"?false"?$/.test(raw("is_get_total") ?? ""),
    view: !archive ? "live" : settings.archiveMode === "both" ? "both" : "archived",
    startTs,
    window,
    byOtherTime: false,
    ids,
    statuses: null,
  };
}

/** A whole number, also as text. */
export function whole(raw: string | null, otherwise: number): number | null {
  if (raw === null) return otherwise;
  const text = scalar(raw);
  return text !== null && /^\d{1,9}$/.test(text) ? Number(text) : null;
}

/** Begin and end as asked, both or neither. @param widest seconds */
export function readWindow(rawBegin: string | null, rawEnd: string | null, widest: number): Query["window"] | Refusal {
  const [beginText, endText] = [scalar(rawBegin), scalar(rawEnd)].map((text) => (text === "" ? null : text));
  if (beginText == null && endText == null) return null;
  if (beginText == null || endText == null) return badParameter("时间参数必须同时存在");
  const begin = shanghaiSeconds(beginText);
  const end = shanghaiSeconds(endText);
  if (begin === null || end === null || end < begin) return badParameter("modified_begin, modified_end");
  if (end - begin > widest) return badParameter("时间间隔不能超过七天");
  return { begin, end };
}

function readIds(rawIds: string | null, rawSoIds: string | null, table: TableDescription): number[] | null | Refusal {
  if (rawIds === null && rawSoIds === null) return null;
  const lists = [rawIds, rawSoIds].map((raw) => (raw === null ? [] : (JSON.parse(raw) as unknown)));
  const [ids, soIds] = lists;
  if (!Array.isArray(ids) || !Array.isArray(soIds)) return badParameter(rawIds === null ? "so_ids" : table.idsParam);
  if (ids.length > table.maxIds) return badParameter(`${table.idsParam} 最多${table.maxIds}个`);
  if (soIds.length > MOST_SO_IDS) return badParameter(`so_ids 最多${MOST_SO_IDS}个`);
  if (soIds.length > 0 && table.idField !== "o_id") return badParameter("so_ids (模拟器不支持)");
  const fromSoIds = soIds.map((soId) => orderOfSoId(String(soId))).flatMap((order) => (order === null ? [] : [table.firstId + order]));
  return [...ids.map(Number), ...fromSoIds];
}
