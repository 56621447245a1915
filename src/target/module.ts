import { existsSync } from "node:fs";
import type { ModuleTargetConfig } from "../config/types.ts";
import { importBundled } from "../config/run-bundle.ts";
import { ConfigError, TargetError, type TargetFailureKind } from "../errors.ts";
import type { HeldRecord, Target } from "./contract.ts";
import type { MakeTarget, ModuleTarget } from "./define.ts";
import { limited } from "./limit.ts";

const KINDS: readonly TargetFailureKind[] = ["retry", "refused", "too-large", "misconfigured", "lease-lost"];

/** A target in a module of the user's own, loaded when it is first used. */
export function createModuleTarget(config: ModuleTargetConfig, place: string): Target {
  let loading: Promise<ModuleTarget> | undefined;
  const load = () => (loading ??= open(config, place).catch((error: unknown) => {
    loading = undefined;
    throw error;
  }));

  async function run<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      signal.throwIfAborted();
      throw asTargetError(config.module, place, error);
    }
  }

  async function* held(signal: AbortSignal): AsyncGenerator<HeldRecord[]> {
    const target = await run(signal, load);
    if (target.held == null) throw new ConfigError("TM_AUDIT_TARGET", `the target ${config.module} cannot be read, so it cannot be compared`, { path: `${place}.use`, fix: "Give it held(); or audit without --target." });
    const pages = target.held(signal)[Symbol.asyncIterator]();
    for (;;) {
      const page = await run(signal, () => pages.next());
      if (page.done === true) return;
      yield page.value;
    }
  }

  return {
    recordsPerRequest: config.batchSize, bytesPerRequest: config.maxBytes, held,
    send: (records, key, guard) =>
      run(guard.signal, async () => {
        const target = await load();
        await limited(guard, config.timeoutMs, { name: config.module, place }, (limitedGuard) => target.send(records, key, limitedGuard));
      }),
    check: (signal) => run(signal, async () => (await load()).check(signal)),
    close: async () => (await loading)?.close?.(),
  };
}

async function open({ file, module, options, parallel, timeoutMs }: ModuleTargetConfig, place: string): Promise<ModuleTarget> {
  if (!existsSync(file)) {
    throw new TargetError("misconfigured", "TM_TARGET_MODULE", `${file} is not there`, { path: `${place}.use`, fix: "Give the path of the module, from the config file's folder." });
  }
  const make = await importBundled(file);
  const wrong = (what: string) => new TargetError("misconfigured", "TM_TARGET_MODULE", `${module} ${what}`, { path: `${place}.use`, fix: "Write: export default defineTarget((options) => ({ send, check }));" });
  if (typeof make !== "function") throw wrong("has no function as default export");
  const target: Partial<ModuleTarget> | null | undefined = await (make as MakeTarget)(options, { parallel, timeoutMs });
  if (typeof target?.send !== "function") throw wrong("returns no send()");
  return target as ModuleTarget;
}

/** A module has a copy of the error's class of its own: it is known by its name and kind. */
function asTargetError(module: string, place: string, error: unknown): Error {
  if (error instanceof TargetError || error instanceof ConfigError) return error;
  const { name, kind, code, message, ...more } = { name: "", message: String(error), ...(error instanceof Error ? pick(error) : {}) } as Partial<TargetError> & { message: string };
  if (name === "TargetError" && kind !== undefined && KINDS.includes(kind)) {
    return new TargetError(kind, code ?? "TM_TARGET_MODULE", message, Object.fromEntries(Object.entries(more).filter(([, value]) => value !== undefined)));
  }
  return new TargetError("retry", "TM_TARGET_MODULE", `the target ${module} failed: ${message}`, {
    path: `${place}.use`, cause: error, fix: "Look at the module. It tells by the kind of a TargetError what follows; other errors are tried again.",
  });
}

function pick(error: Error & Partial<TargetError>): Partial<TargetError> {
  const { name, message, kind, code, path, fix, details, retryAfterMs } = error;
  return { name, message, kind, code, path, fix, details, retryAfterMs } as Partial<TargetError>;
}
