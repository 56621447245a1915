import type { IncomingMessage, ServerResponse } from "node:http";
import { drawFault, latencyOf } from "../faults.ts";
import { readBody, wait } from "../http.ts";
import { BEFORE, deliver, LIES } from "./answer.ts";
import { REFUSALS, type Refusal } from "./codes.ts";
import type { Collection } from "./collection.ts";
import { checkForm } from "./gateway.ts";
import type { FaultKind } from "./options.ts";
import { hasNextText, readPage } from "./page.ts";
import { readQuery } from "./query.ts";
import { TABLES } from "./tables/index.ts";
import { readTableQuery } from "./tables/query.ts";
import type { PageAsked, RequestEntry } from "./requests.ts";
import type { Simulation } from "./simulation.ts";
import { AUTH_PATHS, type AuthPath } from "./tokens.ts";

const LARGEST_FORM = 1024 * 1024;

/** What goes over the wire: the raw text of `data`, or a refusal. */
interface Outcome {
  answer: string | Refusal;
  /** Without the `data` wrapper. */
  flat?: boolean;
  rows: number;
  page: PageAsked | null;
  lie: boolean;
}

/** One call of the open platform from arrival to answer. */
export async function handleOpen(simulation: Simulation, path: string, query: string, req: IncomingMessage, res: ServerResponse): Promise<void> {
  const { log, store } = simulation;
  const { settings, random } = store;
  const entry = log.add(path);
  const isAuth = (AUTH_PATHS as readonly string[]).includes(path);
  const rate = simulation.limiter.take(performance.now(), settings.perSecond, settings.perMinute);
  if (rate !== null) log.rateRefused.add(String(rate.code));

  const faulty = rate === null && (!isAuth || settings.faultsOnAuth);
  const { slow, ...shares } = settings.faults;
  let fault = faulty ? drawFault<FaultKind>(shares, random) : null;
  const late = faulty && slow != null && random.next() < slow.share ? slow.ms : 0;
  const delay = latencyOf(settings.latencyMs, random) + late;
  const cutConnection = random.next() < 0.5;
  if (late > 0) log.faults.add("slow");
  if (fault === "drop") {
    note(simulation, entry, fault, null);
    res.socket?.destroy();
    return;
  }

  const body = await readBody(req, LARGEST_FORM);
  const isForm = /^application\/x-www-form-urlencoded\b/i.test(req.headers["content-type"] ?? "");
  const fields = new Map(isForm && query === "" ? new URLSearchParams(body?.toString() ?? "") : []);
  entry.biz = fields.get("biz") ?? "";
  const outcome = rate !== null ? refused(rate) : fault !== null && BEFORE.includes(fault) ? refused(spurious(fault)) : decide(simulation, path, fields, fault);
  if (fault !== null && LIES.includes(fault) && !outcome.lie) fault = null;
  const code = typeof outcome.answer === "string" ? 0 : outcome.answer.code;
  await wait(delay);

  entry.rows = outcome.rows;
  note(simulation, entry, fault, code);
  const { page } = outcome;
  if (page !== null && fault === null && code === 0) res.once("finish", () => log.received(page));
  if (!res.destroyed) deliver(res, envelope(outcome, entry.n), fault, cutConnection, store.now());
}

function note({ log }: Simulation, entry: RequestEntry, fault: FaultKind | null, code: number | null): void {
  const unreadable = fault !== null && !LIES.includes(fault) && !fault.startsWith("code");
  entry.fault = fault;
  entry.code = unreadable ? null : code;
  if (fault !== null) log.faults.add(fault);
  log.byCode.add(unreadable ? "none" : String(code));
}

function envelope({ answer, flat = false }: Outcome, n: number): string {
  if (flat && typeof answer === "string") return `{"code":0,"msg":"",${answer.slice(1, -1)},"request_id":"sim-${n}"}`;
  const [code, msg, data] = typeof answer === "string" ? [0, "执行成功", answer] : [answer.code, answer.msg, "null"];
  return `{"code":${code},"msg":${JSON.stringify(msg)},"data":${data},"request_id":"sim-${n}"}`;
}

function refused(answer: Refusal): Outcome {
  return { answer, rows: 0, page: null, lie: false };
}

function spurious(fault: FaultKind): Refusal {
  return fault === "code199" ? REFUSALS.perSecond : fault === "code200" ? REFUSALS.perMinute : REFUSALS.token;
}

function decide(simulation: Simulation, path: string, fields: ReadonlyMap<string, string>, fault: FaultKind | null): Outcome {
  const { store, tokens } = simulation;
  const { settings } = store;
  const failure = checkForm(fields, settings, store.now());
  if (failure !== null) return refused(failure);
  if ((AUTH_PATHS as readonly string[]).includes(path)) {
    return { answer: tokens.answer(path as AuthPath, fields, settings, store.now()), rows: 0, page: null, lie: false };
  }
  if (!tokens.isValid(fields.get("access_token"), store.now())) return refused(REFUSALS.token);
  if (settings.deniedApis.includes(path)) return refused(REFUSALS.permission);
  const biz = fields.get("biz");
  if (biz === undefined || biz === "") return refused(REFUSALS.empty);
  return readData(simulation, store.tableOf(path) as Collection, biz, fault);
}

function readData({ store, log }: Simulation, table: Collection, biz: string, fault: FaultKind | null): Outcome {
  const { settings, random } = store;
  const generic = TABLES.get(table.table.path);
  const query = generic === undefined ? readQuery(biz, table.table, settings) : readTableQuery(biz, generic, settings);
  if ("code" in query) return refused(query);
  store.commitLate();
  store.changeBeforeAnswer(table);
  const page = readPage(store, table, query);
  const rows = page.indexes.map((index) => store.rowText(table, index));
  const full = rows.length >= query.pageSize;
  const kind = query.startTs !== null ? "version" : query.window !== null ? "window" : "ids";
  const whole = kind === "ids" && query.ids === null;
  const asked: PageAsked = { path: table.table.path, biz, kind, page: query.page, full };
  if (!whole) log.asked(asked);

  let { total } = page;
  let lie = false;
  if (fault === "shortPage" && !whole && rows.length > 1) {
    lie = rows.splice(rows.length - random.between(1, rows.length >>> 1)).length > 0;
  } else if (fault === "versionDisorder" && query.startTs !== null && rows.length > 1) {
    lie = true;
    rows.unshift(rows.pop() as string);
  } else if (fault === "totalsLie" && query.totals) {
    lie = true;
    total = total === 0 || random.next() < 0.5 ? total + random.between(1, 10) : Math.max(0, total - random.between(1, 10));
  }
  const totals = query.totals ? `"data_count":${total},"page_count":${Math.ceil(total / query.pageSize)},` : "";
  const list = rows.length === 0 && settings.nullEmptyList ? "null" : `[${rows.join(",")}]`;
  const hasNext = hasNextText(page.hasNext, settings);
  const following = generic?.wire.hasNext === false ? "" : `"has_next":${hasNext},`;
  const answer = `{"page_index":${query.page},"page_size":${query.pageSize},${totals}${following}"${table.table.listField}":${list}}`;
  return { answer, flat: generic?.wire.flat === true, rows: rows.length, page: whole ? null : asked, lie };
}
