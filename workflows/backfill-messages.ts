import { defaultPayloadConverter, type RawValue, rawValueTypeInfo } from "@temporalio/common";
import type { RangeChange } from "../activities/types.ts";

/** Longest request id and time (characters): what is kept for a run to come stays small. */
const LONGEST = 200;

/** A signal's payloads as they came. */
export type AnyPayload = (RawValue | undefined)[];

/** Payloads are read by the handlers: one that Temporal cannot read, such as of another encoding, would block the workflow for good. */
export const UNREAD = { typeInfo: { inputTypes: Array<typeof rawValueTypeInfo>(16).fill(rawValueTypeInfo) } };

type Fields = Record<string, unknown>;
type Read = RangeChange | { refused: string };

/** The first payload's value; undefined when there is none, or none that can be read. */
export function valueOf([raw]: AnyPayload): unknown {
  try {
    return raw === undefined ? undefined : defaultPayloadConverter.fromPayload(raw.payload);
  } catch {
    return undefined;
  }
}

/** Signals come from anybody, by Temporal's own tools: what does not have the right shape is told, and never thrown. */
export function readAddRange(payload: unknown): Read {
  const fields = fieldsOf(payload, ["from", "to", "requestId", "force"]);
  if (typeof fields === "string") return refuse("addRange", fields, EXAMPLES.addRange);
  const { from, to, requestId, force } = fields;
  const wrong = notText(fields, ["from", "to", "requestId"]) ?? (force === undefined || typeof force === "boolean" ? null : "force is neither true nor false");
  if (wrong !== null) return refuse("addRange", wrong, EXAMPLES.addRange);
  return { do: "add", range: { from: from as string, to: to as string, requestId: requestId as string, ...(force === true ? { force } : {}) } };
}

export function readCancelRange(payload: unknown): Read {
  const wrong = notText({ requestId: payload }, ["requestId"]);
  return wrong === null ? { do: "cancel", requestId: payload as string } : refuse("cancelRange", wrong, EXAMPLES.cancelRange);
}

export function readMoveRange(payload: unknown): Read {
  const fields = fieldsOf(payload, ["requestId", "to", "before"]);
  if (typeof fields === "string") return refuse("moveRange", fields, EXAMPLES.moveRange);
  const { requestId, to, before } = fields;
  const place = to === undefined ? notText(fields, ["before"]) : before !== undefined ? "to and before exclude each other" : to === "first" || to === "last" ? null : 'to is neither "first" nor "last"';
  const wrong = notText(fields, ["requestId"]) ?? place;
  if (wrong !== null) return refuse("moveRange", wrong, EXAMPLES.moveRange);
  return { do: "move", requestId: requestId as string, to: to === undefined ? { before: before as string } : (to as "first" | "last") };
}

const EXAMPLES = {
  addRange: '{"from":"2026-01-01T00:00:00+08:00","to":"2026-02-01T00:00:00+08:00","requestId":"january"}',
  cancelRange: '"january"',
  moveRange: '{"requestId":"january","to":"first"}',
};

function refuse(signal: string, wrong: string, example: string): Read {
  return { refused: `${signal}: ${wrong}; for example ${example}` };
}

function fieldsOf(payload: unknown, known: readonly string[]): Fields | string {
  if (typeof payload !== "object" || payload === null || Array.isArray(payload)) return "the payload is no JSON object";
  const other = Object.keys(payload).find((key) => !known.includes(key));
  return other === undefined ? (payload as Fields) : `there is no field ${JSON.stringify(other.slice(0, LONGEST))}`;
}

function notText(fields: Fields, names: readonly string[]): string | null {
  for (const name of names) {
    const value = fields[name];
    if (value === undefined) return `${name} is missing`;
    if (typeof value !== "string" || value.trim() === "" || value.length > LONGEST || /\p{Cc}/u.test(value)) return `${name} is no text of 1 to ${LONGEST} characters`;
  }
  return null;
}
