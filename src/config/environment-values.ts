import { type EnvReference, isEnvReference } from "./define.ts";

/** A variable that is not set, and where its value is wanted. */
export interface UnsetVariable {
  path: readonly PropertyKey[];
  variable: string;
}

/** A tree with the environment's values in place; those of unset variables are left out. */
export interface FilledTree {
  tree: unknown;
  unset: UnsetVariable[];
}

/** Puts the environment's values where `env()` stands. */
export function fillFromEnvironment(tree: unknown, env: NodeJS.ProcessEnv): FilledTree {
  const unset: UnsetVariable[] = [];
  const fill = (value: unknown, path: readonly PropertyKey[]): unknown => {
    if (isEnvReference(value)) {
      const found = valueOf(value, env);
      if (found === undefined) unset.push({ path, variable: value.variable });
      return found;
    }
    if (Array.isArray(value)) return value.map((item, index) => fill(item, [...path, index]));
    if (typeof value !== "object" || value === null || !isPlain(value)) return value;
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, fill(item, [...path, key])]));
  };
  return { tree: fill(tree, []), unset };
}

/** A tree with one more value set, copied along the path. */
export function withValue(tree: unknown, [key, ...rest]: readonly PropertyKey[], value: unknown): unknown {
  if (key === undefined) return value;
  if (Array.isArray(tree)) return tree.map((item: unknown, index) => (index === key ? withValue(item, rest, value) : item));
  const object = tree as Record<PropertyKey, unknown>;
  return { ...object, [key]: withValue(object[key], rest, value) };
}

/** What stands at a path, or undefined. */
export function valueAt(tree: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>((value, key) => (typeof value === "object" && value !== null ? (value as Record<PropertyKey, unknown>)[key] : undefined), tree);
}

function valueOf({ variable, fallback }: EnvReference, env: NodeJS.ProcessEnv): string | undefined {
  const value = env[variable];
  return value !== undefined && value !== "" ? value : (fallback ?? undefined);
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype || Object.getPrototypeOf(prototype) === null;
}
