import { valueAt } from "./environment-values.ts";
import { type ConfigProblem, problemAt } from "./problems.ts";

interface Level {
  mapping: unknown;
  keeps: boolean;
}

/** Masked fields whose source is only looked at (`$.a`, `items.0.a`), and stays beside them as it is. */
export function maskProblems(mapping: unknown, path: readonly string[], around?: { level: Level; head: Level }): ConfigProblem[] {
  const rest = valueAt(mapping, ["rest"]);
  const level: Level = { mapping, keeps: rest === undefined ? (around?.level.keeps ?? true) : rest !== "drop" };
  const head = around?.head ?? level;
  return entries(valueAt(mapping, ["fields"])).flatMap(([name, field]) => {
    const at = [...path, "fields", name];
    const [from, mask] = [valueAt(field, ["from"]), valueAt(field, ["mask"])];
    const below = maskProblems(field, at, { level, head });
    if (mask === undefined || typeof from !== "string" || !/^\$\.|\.\d+(?:\.|$)/.test(from)) return below;
    const [place, looked] = from.startsWith("$.") ? [head, from.slice(2)] : [level, from];
    const plain = looked.replaceAll(/\.\d+(?=\.|$)/g, "");
    if (!place.keeps || leaves(place.mapping, plain)) return below;
    return [problemAt([...at, "mask"], mask, { expected: `${JSON.stringify(plain)} in ${place === head ? "mapping.drop" : "drop beside it"} too: ${from} is only looked at, and would stay in the record unmasked`, example: `drop: ["${plain}"]` }), ...below];
  });
}

function leaves(mapping: unknown, place: string): boolean {
  const drop = valueAt(mapping, ["drop"]);
  const named = [...(Array.isArray(drop) ? (drop as unknown[]) : []), ...entries(valueAt(mapping, ["fields"])).map(([, field]) => (typeof field === "string" ? field : (valueAt(field, ["from"]) ?? valueAt(field, ["each"]))))];
  return named.some((one) => typeof one === "string" && `${place}.`.startsWith(`${one}.`));
}

function entries(value: unknown): [string, unknown][] {
  return typeof value === "object" && value !== null ? Object.entries(value) : [];
}
