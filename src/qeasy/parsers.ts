import { reportIn, type Scope } from "./context.ts";
import { notice, type Report } from "./notice.ts";
import { isMembers, newMembers, readJson, textOf, type Value } from "./value.ts";

/** `{name, params}` or `{name, params1, params2}`, as in a strategy. */
export interface Parser {
  name: string;
  params?: Value | undefined;
  params1?: Value | undefined;
  params2?: Value | undefined;
}

type Apply = (value: Value, parser: Parser) => Value;

const wrap = (key: Value | undefined, value: Value): Value => Object.assign(newMembers(), { [textOf(key)]: value });

const PARSERS: Record<string, Apply> = {
  StringToArray: (value, { params }) => (typeof value === "string" ? value.split(separator(params)) : value),
  ArrayToString: (value, { params }) => (Array.isArray(value) ? value.map(textOf).join(separator(params)) : value),
  ConvertJson: (value) => (typeof value === "string" ? readJson(value) : value),
  ConvertObjectParser: (value, { params }) => wrap(params, textOf(value)),
  ConvertTwoStageObjectParser: (value, { params1, params2 }) => wrap(params1, wrap(params2, textOf(value))),
};

function separator(params: Value | undefined): string {
  return params === undefined || params === null ? "," : textOf(params);
}

/** The parsers of an entry that do something; the others are reported and leave the value as it is. */
export function knownParsers(given: Value | undefined, path: string, report: Report): Parser[] {
  const list = given === undefined || given === null ? [] : Array.isArray(given) ? given : [given];
  return list.flatMap((parser) => {
    const name = isMembers(parser) ? parser.name : undefined;
    if (typeof name === "string" && Object.hasOwn(PARSERS, name)) return [{ ...(parser as unknown as Parser), name }];
    report(notice("TM_QEASY_PARSER", path, name === undefined ? "it has no name" : JSON.stringify(name)));
    return [];
  });
}

/** Applies a parser; a value that it cannot take is reported and passes through. */
export function applyParser(parser: Parser, value: Value, scope: Scope, path: string): Value {
  try {
    return PARSERS[parser.name]!(value, parser);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    reportIn(scope, "TM_QEASY_CAST", path, `${parser.name} wants JSON`);
    return value;
  }
}
