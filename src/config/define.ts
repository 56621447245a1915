import type { UserConfig } from "./user-config.ts";

/** Shared by every copy of this module: a config is bundled with a copy of its own. */
const BRAND = Symbol.for("tidemark.env");

/** A value that the environment gives; read when the configuration is validated, not where it is written. */
export interface EnvReference {
  /** Name of the environment variable. */
  readonly variable: string;
  /** What stands when the variable is not set or empty; null: it has to be set. */
  readonly fallback: string | null;
}

/** @returns whether the value was made by `env()`, whichever copy of this module made it */
export function isEnvReference(value: unknown): value is EnvReference {
  return typeof value === "object" && value !== null && BRAND in value;
}

/**
 * A value from the environment. Without a default the variable has to be set, but only for commands that use the
 * account or target that it belongs to.
 * @param variable name of the environment variable
 * @param fallback stands when the variable is not set, or empty
 */
export function env(variable: string, fallback?: string): EnvReference {
  const refuse = (): never => {
    throw new Error(`env(${JSON.stringify(variable)}) cannot be part of a longer text; use process.env[${JSON.stringify(variable)}] there`);
  };
  const reference = { variable, fallback: fallback ?? null };
  Object.defineProperty(reference, BRAND, { value: true });
  // Enumerated or converted, it would silently become "[object Object]".
  Object.defineProperty(reference, Symbol.toPrimitive, { value: refuse });
  return Object.freeze(reference);
}

/** Returns its argument; lets an editor check and complete `tidemark.config.ts`. */
export function defineConfig(config: UserConfig): UserConfig {
  return config;
}
