import { memberText, objectMembers, scalar } from "../../json-bytes.ts";
import { badParameter, type Refusal } from "../codes.ts";
import type { JushuitanSettings } from "../options.ts";
import { type Query, readWindow, whole } from "../query.ts";
import type { GenericTable } from "./table.ts";

/** Reads `biz` for a table; what the interface does not know, or the simulator does not have, is refused: to ignore it would be a lie. */
export function readTableQuery(biz: string, table: GenericTable, settings: JushuitanSettings): Query | Refusal {
  const { wire, pageDefault, pageMax } = table;
  let sent: Map<string, string>;
  try {
    const bytes = Buffer.from(biz);
    const found = objectMembers(bytes);
    if (found === null) return badParameter("biz");
    const keys = found.map(({ keyStart, keyEnd }) => JSON.parse(bytes.toString("utf8", keyStart, keyEnd)) as string);
    sent = new Map(keys.map((key) => [key, memberText(bytes, found, key) ?? ""]));
  } catch {
    return badParameter("biz");
  }
  const text = (name: string) => (sent.has(name) ? scalar(sent.get(name) ?? null) : null);
  const byVersion = wire.ts !== null && sent.has(wire.ts.param);
  const paging = ["page_index", "page_size", ...(wire.ts === null ? [] : [wire.ts.param]), ...(wire.ts?.quiet === true ? ["is_get_total"] : [])];
  const known = new Set([...paging, ...(byVersion && wire.ts?.alone === true ? [] : [...(wire.times ?? []), ...(wire.otherTimes ?? []), wire.select?.[0], wire.archive, wire.statuses, ...Object.keys(wire.fixed)])]);
  const unknown = [...sent.keys()].find((key) => !known.has(key));
  if (unknown !== undefined) return badParameter(`${unknown} (接口没有此参数，或模拟器不支持)`);
  const other = [...Object.entries(wire.fixed), ...(wire.select === null ? [] : [wire.select])].find(([key, value]) => (text(key) ?? value) !== value);
  if (other !== undefined) return badParameter(`${other[0]} (模拟器只支持 ${other[1]})`);

  const page = whole(sent.get("page_index") ?? null, 1);
  const pageSize = whole(sent.get("page_size") ?? null, pageDefault);
  if (page === null || page < 1 || page > wire.mostPages) return badParameter("page_index");
  if (pageSize === null || pageSize < 1 || pageSize > pageMax) return badParameter(`page_size 最大${pageMax}`);
  const startTs = byVersion ? text(wire.ts?.param ?? "") : null;
  if (byVersion && (startTs === null || !/^\d{1,20}$/.test(startTs))) return badParameter(wire.ts?.param ?? "");
  const byOtherTime = wire.otherTimes?.some((name) => sent.has(name)) === true;
  if (byOtherTime && wire.times?.some((name) => sent.has(name)) === true) return badParameter(`${wire.otherTimes?.join(", ")} (模拟器不支持两种时间同时查询)`);
  const times = byOtherTime ? wire.otherTimes : wire.times;
  const window = times === null ? null : readWindow(sent.get(times[0]) ?? null, sent.get(times[1]) ?? null, Math.min(wire.span, settings.windowSeconds * (wire.span / 604_800)));
  if (window !== null && "code" in window) return window;
  if (startTs === null && window === null && wire.times !== null) return badParameter(wire.times.join(", "));
  const archive = wire.archive !== null && /^"?true"?$/.test(sent.get(wire.archive) ?? "");
  const statuses = wire.statuses === null ? null : sent.has(wire.statuses) ? (JSON.parse(sent.get(wire.statuses) ?? "[]") as string[]) : ["Confirmed"];
  return {
    page, pageSize, totals: wire.totals && !/^"?false"?$/.test(sent.get("is_get_total") ?? ""),
    view: archive ? (settings.archiveMode === "both" ? "both" : "archived") : wire.archive === null ? "both" : "live",
    startTs, window, byOtherTime, ids: null, statuses,
  };
}
