import path from "node:path";
import { env } from "../config/define.ts";
import { printConfig } from "../config/print.ts";
import type { ConfigProblem } from "../config/problems.ts";
import type { UserAccount, UserConfig, UserPipeline } from "../config/user-config.ts";
import { merged } from "../config/strategies.ts";
import { validateConfig } from "../config/validate.ts";
import { ConfigError } from "../errors.ts";
import { importStrategies, writeJson, type Imported, type ImportedHalf, type ImportReport, type KeyReport, type Notice, type Side } from "../qeasy/index.ts";
import { NO_OP, type Strategy } from "../qeasy/model.ts";
import { asItIs, recordId } from "../qeasy/as-is.ts";
import { runsHere } from "../qeasy/foreign.ts";
import { notice, type Report } from "../qeasy/notice.ts";
import { pipelineAudit, pipelineSchedule, pipelineSource, placeholderFrom, refuseRowChanges } from "../qeasy/pipeline-source.ts";
import { pipelineMapping, pipelineTarget } from "../qeasy/pipeline-target.ts";
import { collector, reportKeys } from "../qeasy/report.ts";
import { windowOf } from "../qeasy/window.ts";
import type { ApiDescription } from "../source/contract.ts";
import { findApi } from "../source/jushuitan/index.ts";
import { cursorWords } from "./apis.ts";

export interface ImportWishes {
  /** Of the pipeline; default: after the API. */
  name?: string | undefined;
  /** Of the account; default `main`, and `simple` for the exchange of a bearer token. */
  account?: string | undefined;
  /** Epoch ms. */
  now: number;
  /** How the config names the files of a strategy that runs as it is; default `./NAME.source.json`, `./NAME.target.json`. */
  files?: Partial<Record<Side, string>>;
}

/** A strategy as a pipeline. */
export interface ImportedPipeline {
  name: string;
  /** null: it cannot run as it stands. */
  pipeline: UserPipeline | null;
  /** A whole config file that has it. */
  config: string | null;
  report: ImportReport;
  /** The files that the config names; null: it needs none. */
  files: Record<Side, string | null>;
  /** Both halves as JSON text, as they are kept; credentials are in it. */
  strategies: Record<Side, string | null>;
}

/** Reads strategies of Qeasy and makes a pipeline of them, if it sends what they send. @throws QeasyError `TM_QEASY_JSON` */
export async function importQeasy(texts: readonly { text: string; side?: Side }[], { name: wanted, account: given, now, files = {} }: ImportWishes): Promise<ImportedPipeline> {
  const api = findApi(importStrategies(texts).source?.strategy.api ?? "");
  const imported = importStrategies(texts, {
    // Of other strategies nothing is known here: each lookup is named.
    strategies: [],
    runs: runsHere,
    ...(api === undefined ? {} : { maxPageSize: api.pageSize.max }),
  });
  const { source, target } = imported;
  const name = wanted ?? defaultName(source ?? target);
  const account = given ?? (api?.call === true ? "simple" : "main");
  const named = { source: source === undefined ? null : (files.source ?? `./${name}.source.json`), target: target === undefined ? null : (files.target ?? `./${name}.target.json`) };
  const attempt = async (asWritten: boolean) => {
    const { notices, report } = collector();
    imported.report.notices.filter((each) => !(each.code === "TM_QEASY_WINDOW" && source !== undefined && api !== undefined && hasOtherWindow(source, api))).forEach(report);
    if (source === undefined) report(notice("TM_QEASY_HALF", "source", "there is nothing to read: give the file with the source's half too", "refused"));
    if (target === undefined) report(notice("TM_QEASY_HALF", "target", `records go to ${NO_OP}`));
    // What such a target cannot do is said all the same.
    if ((source === undefined || api === undefined) && target?.strategy.api === NO_OP) pipelineTarget(target.strategy, true, report);
    const written = source === undefined || api === undefined ? null : await userConfig(imported, source, { api, name, account, now, files: asWritten ? named : null }, report);
    // Without its schedule a strategy still sends what it sends.
    return { written, notices, refused: notices.filter(({ severity, code }) => severity === "refused" && code !== "TM_QEASY_CRON") };
  };
  const translated = await attempt(false);
  const asWritten = translated.refused.length > 0;
  const { written, notices, refused } = asWritten ? await attempt(true) : translated;
  const runs = written !== null && refused.length === 0;
  if (runs && asWritten) notices.push(notice("TM_QEASY_AS_IS", "", translated.refused.map(({ path: at }) => at).join(", "), "info"));
  const known = { api, notices, source: source?.strategy, target: target?.strategy, asWritten };
  const keys = [source, target].flatMap((half) => (half === undefined ? [] : reportKeys(half.json, half.side, notices).map((key) => inPipeline(key, known))));
  const notes = [`Written by tidemark import qeasy. To put it into a config that is there: pipelines.${name}, and the account if it has none yet.`, ...notices.filter(({ severity }) => severity !== "info").map(({ path, text }) => `${path === "" ? "" : `${path}: `}${text}`)];
  return {
    name, pipeline: runs ? written.pipelines[name]! : null, config: runs ? printConfig(written, notes) : null, report: { keys, notices, runnable: runs },
    files: runs && asWritten ? named : { source: null, target: null },
    strategies: { source: source === undefined ? null : writeJson(source.json), target: target === undefined ? null : writeJson(target.json) },
  };
}

interface Named {
  api: ApiDescription;
  name: string;
  account: string;
  now: number;
  /** Of a strategy that is to run as it is; null: it is to be translated. */
  files: Record<Side, string | null> | null;
}

async function userConfig({ target }: Imported, source: ImportedHalf, { api, name, account, now, files }: Named, report: Report): Promise<UserConfig> {
  const id = source.strategy.id;
  if (api.call !== true) report(notice("TM_QEASY_WINDOW", "source.api", `${api.path}: ${cursorWords(api)}`, api.notProvable === null ? "info" : "warning"));
  if (api.call === true) {
    report(notice("TM_QEASY_RECORD", "source.api", "it tells of the exchange: id, time, fingerprint of the token and whether it is a new one; never the token", "info"));
    if (target !== undefined && target.strategy.request.length > 0) report(notice("TM_QEASY_NOT_YET", "target.request", "it would be filled from rows with the token", "refused"));
  } else if (id !== undefined && id !== api.idField && recordId(source.strategy) !== undefined) report(notice("TM_QEASY_RECORD", "source.id", `its id is ${id}; rows with the same ${id} and another ${api.idField} are set aside`));
  if (files !== null) {
    const read = await asItIs({ source, target }, api, [], report);
    const pipeline: UserPipeline = {
      source: { account, qeasy: files.source!, ...(api.call === true || read.source.from !== undefined ? {} : { from: placeholderFrom(now, report) }) },
      target: { use: "qeasy", ...(files.target === null ? {} : { qeasy: files.target }), baseUrl: env("QEASY_BASE_URL") },
    };
    return checked({ accounts: { [account]: accountOf(api) }, pipelines: { [name]: pipeline } }, { accounts: { [account]: accountOf(api) }, pipelines: { [name]: merged(pipeline, read) } }, report);
  }
  refuseRowChanges(source.strategy, report);
  const [read, schedule, audit, mapping] = [await pipelineSource(source, api, report), pipelineSchedule([source, ...(target === undefined ? [] : [target])], report), pipelineAudit(source, api, report), await pipelineMapping(target?.strategy, id ?? api.idField, report)];
  const pipeline: UserPipeline = {
    source: { account, ...read, ...(api.call === true || read.from !== undefined ? {} : { from: placeholderFrom(now, report) }) },
    ...(schedule === undefined ? {} : { schedule }),
    ...(audit === undefined ? {} : { audit }),
    ...(id === undefined && mapping.fields === undefined ? {} : { mapping: { ...(id === undefined ? {} : { id }), ...mapping } }),
    target: { ...pipelineTarget(target?.strategy, source.strategy.idCheck, report), baseUrl: env("QEASY_BASE_URL") },
  };
  const config: UserConfig = { accounts: { [account]: accountOf(api) }, pipelines: { [name]: pipeline } };
  return checked(config, config, report);
}

/** Whether the times that move in its request are not the window that a pipeline reads. */
function hasOtherWindow({ strategy }: ImportedHalf, api: ApiDescription): boolean {
  const { begin } = windowOf(strategy);
  return begin !== undefined && ![...(api.windowKeys ?? []), ...(api.otherWindowKeys ?? []), api.versionParam].includes(begin);
}

/** @param whole the config with what the files of a strategy give */
function checked(config: UserConfig, whole: object, report: Report): UserConfig {
  for (const { path: at, value, expected } of problemsOf(whole)) report(notice("TM_QEASY_CONFIG", at, `${value}; expected ${expected}`, "refused"));
  return config;
}

function accountOf({ call }: ApiDescription): UserAccount {
  if (call === true) return { platform: "jushuitan", kind: "bearer", baseUrl: env("JST_BASE_URL", "https://jushuitan.com"), token: env("JST_BEARER_TOKEN", "") };
  return { platform: "jushuitan", kind: "self", baseUrl: env("JST_BASE_URL", "https://openapi.jushuitan.com"), appKey: env("JST_APP_KEY"), appSecret: env("JST_APP_SECRET") };
}

/** What a config that says this would be refused for. */
function problemsOf(config: object): ConfigProblem[] {
  try {
    validateConfig(config, { file: path.resolve("tidemark.config.ts"), home: path.resolve(".tidemark"), env: {}, needs: "none" });
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.details["problems"] as ConfigProblem[];
  }
}

/** `orders.single.query` and `/open/orders/single/query` are `orders-single`. */
function defaultName(half: ImportedHalf | undefined): string {
  return half?.strategy.api.replace(/^\/?open[/.]/, "").replace(/[/.]query$/, "").replaceAll(/[^\p{L}\p{N}]+/gu, "-").replaceAll(/^-|-$/g, "").slice(0, 64) || "imported";
}

const KEPT: Record<string, string> = {
  "source.otherResponse": "where rows stand in the answer is known of the API",
  "source.method": "how the API is called is known",
  "target.method": "the target's is POST",
  "target.response": "what the target answers is not written back",
  "target.otherRequest": `no effect on ${NO_OP} is known`,
  "target.otherResponse": "target.success says what an answer means",
};

interface Known {
  api: ApiDescription | undefined;
  notices: readonly Notice[];
  source: Strategy | undefined;
  target: Strategy | undefined;
  asWritten: boolean;
}

/** What becomes of a key in a pipeline, where it differs from what the library makes of it. */
function inPipeline(key: KeyReport, { api, notices, source, target, asWritten }: Known): KeyReport {
  const at = `${key.side}.${key.key}`;
  if (key.outcome === "refused") return key;
  const leftOut = notices.find(({ code, path }) => code === "TM_QEASY_SCHEDULE" && `${path}.`.startsWith(`${at}.`));
  if (leftOut !== undefined) return { ...key, outcome: "refused", text: leftOut.text };
  if (KEPT[at] !== undefined) return { ...key, outcome: "kept", text: KEPT[at] };
  if (at === "source.omissionRemedy" && api !== undefined && (api.call === true || api.cursors[0] === "snapshot")) return { ...key, outcome: "kept", text: "no audit is needed" };
  if (at === "source.operation" && notices.some(({ code, path }) => code === "TM_QEASY_OPERATION" && path === at)) return { ...key, outcome: "kept", text: "read as none" };
  if (at === "target.callBackStrategy") return { ...key, outcome: "kept", text: "it names no strategyId" };
  if (key.key === "crontab") return { ...key, outcome: "translated", text: "the pipeline's schedule is the source's, else the target's" };
  if (at === "source.idCheck" && source?.idCheck === false) return { ...key, outcome: "translated", text: "target.idCheck: false: what is read again is sent again" };
  if (at === "source.id" && recordId(source) === undefined) return { ...key, text: "the id of each document" };
  if (at === "source.id") return { ...key, outcome: "translated", text: "mapping.id" };
  if (at === "source.number" && api?.call === true) return { ...key, text: "a list or a whole number of the answer has to be the count of its rows; a field of the rows goes along as it is" };
  if (at === "source.number") return { ...key, outcome: "kept", text: "the field stays in the record" };
  if (at === "source.pagination" && api?.call === true) return { ...key, outcome: "kept", text: "a call has one page" };
  if (at === "source.request") return { ...key, outcome: "translated", text: "fixed values are source.params; windows and pages come from the cursor" };
  if (at === "source.otherRequest") return { ...key, outcome: "translated", text: "what the API knows as a parameter is source.params; no effect of the rest is known" };
  if (at === "target.api" && target?.operation.method !== "batchArraySave") return { ...key, text: 'the interface. Records go to it in arrays of up to target.batchSize; with target.body: "single" one a request, as Qeasy does' };
  if (at === "target.request" && asWritten) return { ...key, text: "the record, worked out for each row or line" };
  if (at === "target.request") return { ...key, outcome: "translated", text: "mapping.fields" };
  return key;
}
