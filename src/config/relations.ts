import { ConfigError } from "../errors.ts";
import type { ApiDescription } from "../source/contract.ts";
import { checkParams } from "../source/jushuitan/biz.ts";
import { adviceFor } from "../source/jushuitan/catalogue.ts";
import { cursorOf } from "./build.ts";
import { parseDuration } from "./duration.ts";
import { valueAt } from "./environment-values.ts";
import { guideFor } from "./guide.ts";
import { masksByHash } from "./mapping-schema.ts";
import { maskProblems } from "./mask-problems.ts";
import { suggest } from "./nearest.ts";
import { type ConfigProblem, problemAt } from "./problems.ts";
import type { JsonValue } from "./types.ts";

/** What a claim has to last longer than the request that it guards (ms). */
const LEAST_LEASE_MS = 1_000;

/** What is wrong between values, in a tree whose shape may be wrong as well: everything is told at once. */
export function relationProblems(tree: unknown, apis: readonly ApiDescription[]): ConfigProblem[] {
  const accounts = Object.keys(objectAt(tree, ["accounts"]));
  return Object.keys(objectAt(tree, ["pipelines"])).flatMap((name) => [
    ...sourceProblems(tree, ["pipelines", name, "source"], accounts, apis),
    ...kindProblems(tree, name, apis),
    ...targetProblems(tree, ["pipelines", name, "target"]),
    ...mappingProblems(tree, ["pipelines", name]),
    ...strategyProblems(tree, name),
  ]);
}

/** A lookup names one strategy, whose rows lie with one pipeline. */
function strategyProblems(tree: unknown, name: string): ConfigProblem[] {
  const { strategy } = objectAt(tree, ["pipelines", name]);
  const first = Object.keys(objectAt(tree, ["pipelines"])).find((other) => objectAt(tree, ["pipelines", other])["strategy"] === strategy);
  if (strategy === undefined || first === name) return [];
  return [problemAt(["pipelines", name, "strategy"], strategy, { expected: `another uuid than that of the pipeline ${first}: lookups read the rows of one` })];
}

function sourceProblems(tree: unknown, path: readonly string[], accounts: readonly string[], apis: readonly ApiDescription[]): ConfigProblem[] {
  const source = objectAt(tree, path);
  const problems: ConfigProblem[] = [];
  const complain = (key: string, expected: string, example?: string) =>
    problems.push(problemAt([...path, key], source[key], { expected, ...(example === undefined ? {} : { example }) }));

  if (typeof source["account"] === "string" && accounts.length > 0 && !accounts.includes(source["account"])) {
    complain("account", `one of the accounts. ${suggest(source["account"], accounts)}`, `account: "${accounts[0]}"`);
  }
  if (typeof source["api"] !== "string") return problems;
  const api = apis.find((one) => one.path === source["api"]);
  if (api === undefined) {
    if (source["api"] in objectAt(tree, ["apis"])) return problems; // its description is wrong, and is told so
    complain("api", `an API that can be read. ${adviceFor(source["api"], apis.map((one) => one.path))}`);
    return problems;
  }
  if (api.call === true) return problems;
  if (source["from"] === undefined) complain("from", guideFor([...path, "from"]).expected);
  const pageSize = source["pageSize"] === undefined ? api.pageSize.max : Number(source["pageSize"]);
  if (pageSize > api.pageSize.max) complain("pageSize", `at most ${api.pageSize.max}, the maximum of ${api.path}`, `pageSize: ${api.pageSize.max}`);
  if (Number(source["sliceRecords"]) < pageSize) complain("sliceRecords", `at least the page size, ${pageSize}`);
  const params = objectAt(tree, [...path, "params"]);
  const wanted = source["cursor"] === "version" || source["cursor"] === "window" ? source["cursor"] : "auto";
  const offered = wanted === "auto" || api.cursors.includes(wanted);
  if (!offered) {
    const usual = api.cursors[0] === "snapshot" ? "auto" : api.cursors[0];
    complain("cursor", `"${usual}": ${api.path} ${api.cursors[0] === "snapshot" ? "is read whole each time" : `cannot be followed by ${wanted} safely`}`, `cursor: "${usual}"`);
  } else if (wanted === "version" && api.versionAlone && Object.keys(params).length > 0) {
    complain("cursor", `"window": a version query of ${api.path} takes no params`, 'cursor: "window"');
  }
  const cursor = cursorOf({ cursor: offered ? wanted : "auto", params: params as Record<string, JsonValue> }, api);
  if (cursor === "snapshot") {
    if (source["from"] !== undefined && source["from"] !== "all") complain("from", `"all": ${api.path} is read whole each time`, 'from: "all"');
    const audit = valueAt(tree, [...path.slice(0, -1), "audit"]);
    if (audit !== undefined && audit !== null) problems.push(problemAt([...path.slice(0, -1), "audit"], audit, { expected: `none: ${api.path} is read whole each time, and each run compares it with the last reading` }));
  }
  if (cursor === "window" && source["from"] === "all") complain("from", 'a date or a time: windows have to begin somewhere ("all" is for the version cursor)', 'from: "2026-01-01"');
  return [...problems, ...paramsProblems(api, source["params"], [...path, "params"])];
}

/** What the kind of the account allows, and what a call has none of. */
function kindProblems(tree: unknown, name: string, apis: readonly ApiDescription[]): ConfigProblem[] {
  const path = ["pipelines", name, "source"];
  const source = objectAt(tree, path);
  const api = apis.find((one) => one.path === source["api"]);
  if (api === undefined) return [];
  const { kind } = objectAt(tree, ["accounts", String(source["account"])]);
  const problem = (key: string, expected: string, example: string) => problemAt([...path, key], source[key], { expected, example });
  const problems: ConfigProblem[] = [];
  if (kind === "bearer" && api.call !== true) problems.push(problem("api", 'refresh.token, the only call of an account of kind "bearer"', 'api: "refresh.token"'));
  if (kind !== undefined && kind !== "bearer" && api.call === true) {
    problems.push(problem("api", `no ${api.path}, which is for accounts of kind "bearer": the token of this account is ${kind === "isv" ? "watched, and never renewed, by a schedule of its own" : "renewed by a schedule of its own"}`, 'api: "/open/orders/single/query"'));
  }
  if (kind === "legacy" && api.method === null) problems.push(problem("api", "an API that the old platform has", 'api: "/open/orders/single/query"'));
  if (api.call === true && typeof objectAt(tree, ["pipelines", name])["audit"] === "object") {
    problems.push(problemAt(["pipelines", name, "audit"], objectAt(tree, ["pipelines", name])["audit"], { expected: `none: ${api.path} is a call, and there is nothing to compare with` }));
  }
  if (source["number"] !== undefined && api.call !== true) problems.push(problem("number", "none: it belongs to refresh.token", 'api: "refresh.token"'));
  if (source["number"] === "token") problems.push(problem("number", "anything but the token", 'number: "msg"'));
  if (api.call === true) problems.push(...tokenProblems(["pipelines", name, "mapping", "fields"], tree));
  return problems;
}

/** The token is sealed until it is sent: nothing else can be made of it. */
function tokenProblems(path: readonly string[], tree: unknown): ConfigProblem[] {
  return Object.entries(objectAt(tree, path)).flatMap(([name, field]) =>
    (valueAt(field, ["from"]) === "token" && Object.keys(field as object).some((key) => key !== "from" && key !== "missing")
      ? [problemAt([...path, name], field, { expected: 'the token as it is: "token", or { from: "token" } with missing', example: `${name}: "token"` })] : []));
}

function paramsProblems(api: ApiDescription, params: unknown, path: readonly string[]): ConfigProblem[] {
  if (typeof params !== "object" || params === null) return [];
  return Object.entries(params as Record<string, JsonValue>).flatMap(([key, value]) => {
    try {
      checkParams(api, { [key]: value });
      return [];
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      return [problemAt([...path, key], value, { expected: error.fix ?? error.message })];
    }
  });
}

function targetProblems(tree: unknown, path: readonly string[]): ConfigProblem[] {
  const target = objectAt(tree, path);
  const problems: ConfigProblem[] = [];
  const timeout = typeof target["timeout"] === "string" ? parseDuration(target["timeout"]) : 30_000;
  const lease = typeof target["lease"] === "string" ? parseDuration(target["lease"]) : null;
  if (timeout !== null && lease !== null && lease < timeout + LEAST_LEASE_MS) problems.push(problemAt([...path, "lease"], target["lease"]));
  const header = Object.keys(objectAt(tree, [...path, "headers"])).find((name) => name.toLowerCase() === "authorization");
  if (header !== undefined && typeof target["secret"] === "string" && target["secret"] !== "") {
    problems.push(problemAt([...path, "headers", header], "set", { expected: "either secret or this header: both are sent as Authorization" }));
  }
  const audit = objectAt(tree, [...path.slice(0, -1), "audit"]);
  if (audit["target"] === true && target["use"] === "qeasy" && typeof target["heldUrl"] !== "string") {
    problems.push(problemAt([...path, "heldUrl"], target["heldUrl"], { expected: "an address that lists what the target holds, since audit.target is true" }));
  }
  return problems;
}

/** What a mapping needs beside it, and what its target cannot take. */
function mappingProblems(tree: unknown, path: readonly string[]): ConfigProblem[] {
  const [mapping, { use }] = [objectAt(tree, [...path, "mapping"]), objectAt(tree, [...path, "target"])];
  const problems: ConfigProblem[] = [];
  if (mapping["hashKey"] === undefined && masksByHash(mapping)) problems.push(problemAt([...path, "mapping", "hashKey"], undefined));
  if (mapping["explode"] !== undefined && (use === "postgres" || use === "mysql")) {
    const expected = 'nothing for a target of tables, in which rows of elements that a record no longer has would stay: target.items: "tables" keeps a table of the list, in which they are replaced';
    problems.push(problemAt([...path, "mapping", "explode"], mapping["explode"], { expected }));
  }
  return [...problems, ...maskProblems(mapping, [...path, "mapping"])];
}

function objectAt(tree: unknown, path: readonly string[]): Record<string, unknown> {
  const value = valueAt(tree, path);
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
}
