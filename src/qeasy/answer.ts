import type { Strategy } from "./model.ts";
import { isMembers, textOf, valueAt, type Value } from "./value.ts";

/** What `otherResponse` says about an answer; undefined: nothing. */
export interface AnswerKeys {
  /** The path whose value tells success, and the value that means it. */
  statusKey: string | undefined;
  statusValue: string | undefined;
  /** The path of the list of rows. */
  dataKey: string | undefined;
  pageKey: string | undefined;
}

export function answerKeys({ otherResponse }: Pick<Strategy, "otherResponse">): AnswerKeys {
  const literal = (field: string): string | undefined => {
    const value = otherResponse.find((entry) => entry.field === field)?.value;
    return value === undefined || value === null || value === "" ? undefined : textOf(value);
  };
  return { statusKey: literal("statusKey"), statusValue: literal("statusValue"), dataKey: literal("dataKey"), pageKey: literal("pageKey") };
}

/** The rows of an answer, and the path of their key; undefined: the strategy names none. */
export interface AnswerRows {
  rows: Value[];
  idPath: string | undefined;
}

/**
 * The rows of a source's answer: the list that `dataKey` names; else, where `id` or `number` points to a list of the
 * answer (as `msg` of refresh.token does), its elements with their own `id`; else the answer itself, a list or one row.
 */
export function rowsOfAnswer(answer: Value, strategy: Pick<Strategy, "otherResponse" | "id" | "number">): AnswerRows {
  const { dataKey } = answerKeys(strategy);
  const named = dataKey === undefined ? undefined : valueAt(answer, dataKey);
  if (Array.isArray(named)) return { rows: named, idPath: strategy.id };
  if (Array.isArray(answer)) return { rows: answer, idPath: strategy.id };
  const listed = [strategy.id, strategy.number].map((path) => (path === undefined || !isMembers(answer) ? undefined : answer[path])).find(Array.isArray);
  return listed === undefined ? { rows: [answer], idPath: strategy.id } : { rows: listed, idPath: "id" };
}
