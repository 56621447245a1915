import { elementsOf, membersOf } from "../json/raw.ts";

interface Origin {
  value: unknown;
  raw: string;
}

/** What each value that a script got was written as. */
const origins = new WeakMap<object, Map<string, Origin>>();

/**
 * A JSON text as a script gets it: whole numbers that JavaScript holds exactly are numbers, all others (`206.00`,
 * `20260101000000455`) are text with their digits.
 */
export function readForScript(raw: string): unknown {
  if (raw.startsWith("{")) {
    const members = membersOf(raw).map((member): [string, Origin] => [member.name, { raw: member.raw, value: readForScript(member.raw) }]);
    const object = {};
    // Defined, not set: a field may be called __proto__.
    for (const [name, { value }] of members) Object.defineProperty(object, name, { value, writable: true, enumerable: true, configurable: true });
    origins.set(object, new Map(members));
    return object;
  }
  if (raw.startsWith("[")) {
    const elements = elementsOf(raw).map((element): Origin => ({ raw: element, value: readForScript(element) }));
    const list = elements.map(({ value }) => value);
    origins.set(list, new Map(elements.map((origin, i) => [String(i), origin])));
    return list;
  }
  if (/^-?\d/.test(raw)) return String(Number(raw)) === raw && Number.isSafeInteger(Number(raw)) ? Number(raw) : raw;
  return JSON.parse(raw) as unknown;
}

/**
 * What a script returned as JSON text. What has the value that it came with has its bytes: members of the same object, or of
 * one that stands in its place (`{ ...record, extra }`).
 * @param place what stood here before
 * @throws RangeError, TypeError
 */
export function writeFromScript(value: unknown, place?: unknown): string | undefined {
  if (typeof value === "bigint") return String(value);
  if (typeof value === "number" && !Number.isFinite(value)) throw new RangeError(`transform returned ${value}, which JSON cannot hold`);
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  if ("toJSON" in value && typeof value.toJSON === "function") return writeFromScript((value.toJSON as () => unknown)());
  const was = origins.get(value) ?? (typeof place === "object" && place !== null ? origins.get(place) : undefined);
  const write = (name: string, inner: unknown) => {
    const origin = was?.get(name);
    return origin !== undefined && typeof inner !== "object" && origin.value === inner ? origin.raw : writeFromScript(inner, origin?.value);
  };
  if (Array.isArray(value)) return `[${value.map((inner, i) => write(String(i), inner) ?? "null").join(",")}]`;
  const members = Object.entries(value).flatMap(([name, inner]) => {
    const raw = write(name, inner);
    return raw === undefined ? [] : [`${JSON.stringify(name)}:${raw}`];
  });
  return `{${members.join(",")}}`;
}
