import { temporalCrons } from "./cron.ts";
import { compileConditions } from "./conditions.ts";
import { compileEntries } from "./entries.ts";
import { compileFormats } from "./format-response.ts";
import type { Entry, Strategy } from "./model.ts";
import { normalise, type NormaliseOptions } from "./normalise.ts";
import { notice, QeasyError, type Report } from "./notice.ts";
import { readPaste, type Side } from "./paste.ts";
import { collector, reportKeys, type ImportReport } from "./report.ts";
import { checkOperation, compileRequest } from "./requests.ts";
import { reportSecrets } from "./secrets.ts";
import { sideOf } from "./side.ts";
import { textOf, type Members } from "./value.ts";
import { MOVING_TIME, windowOf } from "./window.ts";
import { compileWriteBack } from "./write-back.ts";

/** A half as it was pasted, and as it is read. */
export interface ImportedHalf {
  side: Side;
  /** The pasted text, character for character. */
  original: string;
  /** Every key and value as written, after repairs; `writeJson` exports it. */
  json: Members;
  strategy: Strategy;
}

export interface ImportOptions extends NormaliseOptions {
  /** Whether Tidemark runs this API; a text: what it is that it does not. Without it every one is taken as known. */
  runs?: (side: Side, api: string) => true | string;
  /** Uuids of strategies whose stored rows lookups may read; without it they are not checked. */
  strategies?: readonly string[];
}

export interface Imported {
  source: ImportedHalf | undefined;
  target: ImportedHalf | undefined;
  report: ImportReport;
}

/**
 * Reads pasted strategies: one text with one or both halves, or a text for each. `side` says what a text is where
 * nothing in it does. Only text that is no JSON is an error; everything else is said in the report.
 * @throws QeasyError TM_QEASY_JSON
 */
export function importStrategies(texts: readonly { text: string; side?: Side }[], options: ImportOptions = {}): Imported {
  const { notices, report } = collector();
  const halves: Partial<Record<Side, ImportedHalf>> = {};
  for (const { text, side: given } of texts) {
    const pasted = readPaste(text, report);
    for (const { json, side: wrapped, original } of pasted) {
      const own = sideOf(json, report);
      const told = given ?? wrapped ?? own;
      // Of two halves in one paste the source comes first.
      const side = told ?? (pasted.length > 1 ? (halves.source === undefined ? "source" : "target") : undefined);
      if (told === undefined) report(notice("TM_QEASY_SIDE", "", side === undefined ? "say which it is" : `read as ${side}`, side === undefined ? "refused" : "warning"));
      if (side === undefined) continue;
      if (halves[side] !== undefined) {
        report(notice("TM_QEASY_SUPERFLUOUS", side, `a second ${side} is left out`, "refused"));
        continue;
      }
      halves[side] = { side, original, json, strategy: readHalf(json, side, report, options) };
    }
  }
  const keys = [halves.source, halves.target].flatMap((half) => (half === undefined ? [] : reportKeys(half.json, half.side, notices)));
  return { source: halves.source, target: halves.target, report: { keys, notices, runnable: notices.every(({ severity }) => severity !== "refused") } };
}

function readHalf(json: Members, side: Side, toReport: Report, options: ImportOptions): Strategy {
  const strategy = normalise(json, side, toReport, options);
  const runs = strategy.api === "" || (options.runs?.(side, strategy.api) ?? true);
  // How it would be read is of no use where it is not.
  const report: Report = (each) => (runs === true || each.severity !== "info" ? toReport(each) : undefined);
  if (runs !== true) report(notice("TM_QEASY_API_FOREIGN", `${side}.api`, `${JSON.stringify(strategy.api)} is ${runs}`, "refused"));
  if (looksLikeTemplate(strategy.request)) report(notice("TM_QEASY_TEMPLATE", `${side}.request`, 'most values are "1", and are taken as written. Take out what nobody filled in: what it does not select does not come'));
  reportSecrets(json, side, report);
  checkOperation(strategy, report);
  compileRequest(strategy, report);
  compileConditions(strategy.condition, `${side}.condition`, report);
  compileFormats(strategy.formatResponse, `${side}.formatResponse`, report);
  if (side === "target") compileWriteBack(strategy, side, report);
  else readSchedules(strategy, report);
  checkLookups(json, side, report, options.strategies);
  return strategy;
}

/** Windows and pages do not count: those are filled in on an interface's page as well. */
function looksLikeTemplate(request: readonly Entry[]): boolean {
  const { page, pageSize } = windowOf({ request });
  const entries = request.filter(({ field, value }) => field !== page && field !== pageSize && !MOVING_TIME.test(textOf(value)));
  const values = entries.flatMap(function all({ value, children }): string[] {
    return [...(value === undefined || value === null ? [] : [textOf(value)]), ...(children ?? []).flatMap(all)];
  });
  return values.length >= 4 && values.filter((value) => value === "1").length > values.length / 2;
}

function readSchedules(strategy: Strategy, report: Report): void {
  const window = windowOf(strategy);
  if (window.begin !== undefined || window.page !== undefined) {
    const bounds = [window.begin, window.end].filter((field) => field !== undefined).join(" to ");
    report(notice("TM_QEASY_WINDOW", "source.request", [bounds, window.page].filter(Boolean).join(", "), "info"));
  }
  if (strategy.id !== undefined && strategy.idCheck) report(notice("TM_QEASY_ID_CHECK", "source.idCheck", strategy.id, "info"));
  if (strategy.omissionRemedy === undefined) return;
  compileEntries(strategy.omissionRemedy.takeOverRequest, "source.omissionRemedy.takeOverRequest", report);
  const path = "source.omissionRemedy.crontab";
  try {
    const crons = temporalCrons(strategy.omissionRemedy.crontab);
    if (crons.join() !== strategy.omissionRemedy.crontab) report(notice("TM_QEASY_CRON_READ", path, crons.join(" and "), "info"));
  } catch (error) {
    if (!(error instanceof QeasyError)) throw error;
    report(notice("TM_QEASY_CRON", path, error.message, "refused"));
  }
}

function checkLookups(json: Members, side: Side, report: Report, known: readonly string[] | undefined): void {
  if (known === undefined) return;
  const wanted = [...JSON.stringify(json).matchAll(/_findCollection\s+find\s+\S+\s+from\s+([\w-]+)/g)].map((match) => match[1]!);
  for (const strategy of new Set(wanted)) if (!known.includes(strategy)) report(notice("TM_QEASY_LOOKUP_STRATEGY", side, strategy));
}
