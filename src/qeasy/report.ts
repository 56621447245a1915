import type { Notice, Severity } from "./notice.ts";
import type { Side } from "./paste.ts";
import type { Members } from "./value.ts";

/** `taken`: works as on Qeasy. `translated`: works, by Tidemark's own means. `kept`: stays in the strategy, without effect. `refused`: stops the strategy from running. */
export type Outcome = "taken" | "translated" | "kept" | "refused";

export interface KeyReport {
  side: Side;
  /** A top-level key. */
  key: string;
  outcome: Outcome;
  text: string;
}

/** What became of each key of an imported strategy, and all that was noticed. */
export interface ImportReport {
  keys: KeyReport[];
  /** In the order in which they were found; each code and path once. */
  notices: Notice[];
  /** Nothing was refused: both halves can run as they stand. */
  runnable: boolean;
}

type Meaning = [Side | "both", Outcome, string];

const KEYS: Record<string, Meaning> = {
  api: ["both", "taken", "the interface"],
  effect: ["both", "taken", "tells source and target apart"],
  type: ["both", "taken", "tells source and target apart"],
  method: ["both", "taken", "the HTTP method"],
  id: ["source", "taken", "the path of a row's key"],
  number: ["source", "taken", "the path of a row's display code"],
  name: ["source", "kept", "a display name; no source says what it does"],
  idCheck: ["source", "translated", "repeated ids are compared by version, so that later changes are not dropped"],
  pagination: ["source", "taken", "the page size"],
  operation: ["both", "taken", "how rows are split or put together"],
  request: ["both", "taken", "the parameters, with their expressions"],
  otherRequest: ["both", "taken", "further parameters"],
  response: ["source", "kept", "known fields of a row; others can be used all the same"],
  otherResponse: ["both", "taken", "where success and rows stand in the answer"],
  condition: ["source", "taken", "rows that fail it are counted as filtered"],
  condition_bk: ["both", "kept", "a parked copy of condition, never evaluated"],
  omissionRemedy: ["source", "translated", "becomes a scheduled audit: of its window where DAYS_AGO_n tells it, else of all closed time"],
  beatFlat: ["source", "taken", "one row for each element of the lists"],
  formatResponse: ["source", "taken", "formatted copies of fields"],
  groupCalculate: ["target", "taken", "rows are grouped to documents before they are written"],
  callBackStrategy: ["target", "taken", "passes the result on to another strategy"],
  adapter: ["both", "kept", "the platform's own class; Tidemark goes by api"],
  autoCheck: ["target", "kept", "an audit call of the platform's adapter"],
  distributionOrg: ["target", "kept", "an allocation by the platform's adapter"],
};

/** Key by key what becomes of a half; what was refused below a key refuses the key, an API that is not run all of them. */
export function reportKeys(json: Members, side: Side, notices: readonly Notice[]): KeyReport[] {
  return Object.keys(json).map((key) => {
    const refused = notices.find((each) => each.severity === "refused" && (each.path === `${side}.${key}` || each.path.startsWith(`${side}.${key}.`) || each.path.startsWith(`${side}.${key}[`)));
    if (refused !== undefined) return { side, key, outcome: "refused", text: refused.text };
    const api = notices.find(({ code, path, severity }) => (code === "TM_QEASY_API_FOREIGN" || code === "TM_QEASY_SHAPE") && severity === "refused" && path === `${side}.api`);
    if (api !== undefined) return { side, key, outcome: "refused", text: api.code === "TM_QEASY_SHAPE" ? "its API is missing" : "its API is not run" };
    if (key === "response" && side === "target") return { side, key, outcome: "taken", text: "primaryWriteback and callBackStrategy are read from it" };
    const [where, outcome, text] = KEYS[key] ?? ["both", "kept", "not known to have an effect"];
    return where === "both" || where === side ? { side, key, outcome, text } : { side, key, outcome: "kept", text: `has no effect in a ${side}` };
  });
}

const WORDS: Record<Outcome, string> = { taken: "taken over", translated: "translated", kept: "kept without effect", refused: "refused" };
const SIGNS: Record<Severity, string> = { info: "i", warning: "!", refused: "x" };

/** The report as plain English lines. */
export function reportText({ keys, notices, runnable }: ImportReport): string {
  const width = Math.max(0, ...keys.map(({ side, key }) => side.length + key.length + 1));
  const lines = keys.map(({ side, key, outcome, text }) => `  ${`${side}.${key}`.padEnd(width)}  ${WORDS[outcome]}: ${text}`);
  const found = notices.map(({ code, severity, path, text }) => `  ${SIGNS[severity]} ${code}${path === "" ? "" : ` ${path}`}: ${text}`);
  return [...lines, ...(found.length === 0 ? [] : ["", ...found]), "", runnable ? "It can run as it stands." : "It cannot run as it stands, and nothing was written: see what was refused."].join("\n");
}

/** Collects notices, each code, path and text once. */
export function collector(): { notices: Notice[]; report: (notice: Notice) => void } {
  const notices: Notice[] = [];
  const seen = new Set<string>();
  return {
    notices,
    report: (each) => {
      const key = `${each.code}\n${each.path}\n${each.text}`;
      if (!seen.has(key)) notices.push(each);
      seen.add(key);
    },
  };
}
