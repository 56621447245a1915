import type { JsonValue } from "../config/types.ts";
import type { Target } from "./contract.ts";

/** What a target in a module of the user's own has to offer: docs/writing-a-target.md. */
export type ModuleTarget = Pick<Target, "send" | "check"> & Partial<Pick<Target, "held" | "close">>;

/** What a module is told beside its options. */
export interface ModuleSettings {
  /** Requests at the same time, of one slice. */
  parallel: number;
  /** One request's time limit (ms); the guard's signal aborts then. */
  timeoutMs: number;
}

export type MakeTarget = (options: Record<string, JsonValue>, settings: ModuleSettings) => ModuleTarget | Promise<ModuleTarget>;

/** Returns its argument, a module's default export; lets an editor check it. */
export function defineTarget(make: MakeTarget): MakeTarget {
  return make;
}
