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
import type { View } from "./version-log.ts";

const LARGEST_FORM = 1024 * 1024;

/** What goes over the wire: the raw text of `data`, or a refusal. */
export interface Outcome {
  answer: string | Refusal;
  /** Without the `data` wrapper. */
  flat?: boolean;
  rows: number;
  page: PageAsked | null;
  lie: boolean;
}

/** One of the ways in which the platform is spoken to. */
export interface Speech {
  /** What the log calls the call. */
  name: string;
  /** Whether it is about tokens: faults befall it only when that is asked for. */
  isAuth: boolean;
  refusals: Record<"perSecond" | "perMinute" | "token", Refusal>;
  /** The business parameters of a body, as text. */
  biz(body: string, type: string): string;
  decide(body: string, type: string, fault: FaultKind | null): Outcome;
  envelope(outcome: Outcome, n: number): string;
  /** The HTTP status of an answer; 200 unless told. */
  status?(answer: string | Refusal): number;
}

/** One call of the platform from arrival to answer. */
export async function handleOpen(simulation: Simulation, speech: Speech, req: IncomingMessage, res: ServerResponse): Promise<void> {
  const { log, store } = simulation;
  const { settings, random } = store;
  const entry = log.add(speech.name);
  const rate = simulation.limiter.take(performance.now(), settings.perSecond, settings.perMinute);
  if (rate !== null) log.rateRefused.add(String(rate.code));

  const faulty = rate === null && (!speech.isAuth || settings.faultsOnAuth);
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

  const body = (await readBody(req, LARGEST_FORM))?.toString() ?? "";
  const type = req.headers["content-type"] ?? "";
  entry.biz = speech.biz(body, type);
  const { refusals } = speech;
  const spurious = fault === "code199" ? refusals.perSecond : fault === "code200" ? refusals.perMinute : refusals.token;
  const outcome = rate !== null ? refused(rate.code === REFUSALS.perSecond.code ? refusals.perSecond : refusals.perMinute)
    : fault !== null && BEFORE.includes(fault) ? refused(spurious) : speech.decide(body, type, fault);
  if (fault !== null && LIES.includes(fault) && !outcome.lie) fault = null;
  const code = typeof outcome.answer === "string" ? 0 : outcome.answer.code;
  await wait(delay);

  entry.rows = outcome.rows;
  note(simulation, entry, fault, code);
  const { page } = outcome;
  if (page !== null && fault === null && code === 0) res.once("finish", () => log.received(page));
  if (!res.destroyed) deliver(res, speech.envelope(outcome, entry.n), fault, cutConnection, store.now(), speech.status?.(outcome.answer));
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

/** An answer without rows. */
export function refused(answer: string | Refusal): Outcome {
  return { answer, rows: 0, page: null, lie: false };
}

/** The new open platform: signed forms. */
export function appSpeech(simulation: Simulation, { pathname: path, search }: URL): Speech {
  const fieldsOf = (body: string, type: string) => new Map(/^application\/x-www-form-urlencoded\b/i.test(type) && search === "" ? new URLSearchParams(body) : []);
  return {
    name: path, isAuth: (AUTH_PATHS as readonly string[]).includes(path), refusals: REFUSALS, envelope,
    biz: (body, type) => fieldsOf(body, type).get("biz") ?? "",
    decide: (body, type, fault) => decide(simulation, path, fieldsOf(body, type), fault),
  };
}

function decide(simulation: Simulation, path: string, fields: ReadonlyMap<string, string>, fault: FaultKind | null): Outcome {
  const { store, tokens } = simulation;
  const { settings } = store;
  const failure = checkForm(fields, settings, store.now());
  if (failure !== null) return refused(failure);
  if ((AUTH_PATHS as readonly string[]).includes(path)) {
    return refused(tokens.answer(path as AuthPath, fields, settings, store.now()));
  }
  if (!tokens.isValid(fields.get("access_token"), store.now())) return refused(REFUSALS.token);
  if (settings.deniedApis.includes(path)) return refused(REFUSALS.permission);
  const biz = fields.get("biz");
  if (biz === undefined || biz === "") return refused(REFUSALS.empty);
  return readData(simulation, store.tableOf(path) as Collection, biz, fault);
}

/** Rows for a data request. @param view of another interface than the one for current rows */
export function readData({ store, log }: Simulation, table: Collection, biz: string, fault: FaultKind | null, view?: View): Outcome {
  const { settings, random } = store;
  const generic = TABLES.get(table.table.path);
  const read = generic === undefined ? readQuery(biz, table.table, settings) : readTableQuery(biz, generic, settings);
  if ("code" in read) return refused(read);
  const query = view === undefined ? read : { ...read, view };
  store.commitLate();
  store.changeBeforeAnswer(table);
  const page = readPage(store, table, query);
  const rows = page.indexes.map((index) => store.rowText(table, index));
  const full = rows.length >= query.pageSize;
  const kind = query.startTs !== null ? "version" : query.window !== null ? "window" : "ids";
  const whole = kind === "ids" && query.ids === null;
  const asked: PageAsked = { path: view === undefined ? table.table.path : `${table.table.path} ${view}`, biz, kind, page: query.page, full };
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
