import { linkedTo } from "../../abort.ts";
import type { LoadedConfig } from "../../config/load.ts";
import type { CheckResult } from "../../ops/check.ts";
import { defineCommand } from "../command.ts";
import { untilInterrupted } from "../interrupt.ts";

export const check = defineCommand({
  name: "check",
  summary: "look at config, Temporal, Postgres, source credentials and targets",
  description: "Looks at the configuration, Temporal, Postgres, the credentials of each source and each target, and says for each that it is ok, or why not and what to do. Writes no record anywhere. Ends with 1 when something fails.",
  examples: ["tidemark check", "tidemark check --json", "tidemark --config other.config.yaml check"],
  async run(context) {
    const config = await context.config("none");
    const { check } = await import("../../ops/check.ts");
    const unset = unsetVariables(config);
    const looking = linkedTo(untilInterrupted());
    // Time limits that are still running would hold the process.
    const found = await check(complete(config), looking.signal).finally(() => looking.abort("done"));
    const results = [...unset, ...found.filter(({ what }) => unset.length === 0 || what !== "config")];
    const ok = results.every((result) => result.ok);
    return { json: { ok, checks: results }, text: printed(results), exitCode: ok ? 0 : 1 };
  },
});

function unsetVariables({ unset }: LoadedConfig): CheckResult[] {
  return unset.map(({ path, variable }) => ({
    what: "config", ok: false, code: "TM_CONFIG", detail: `${path} wants the environment variable ${variable}, which is not set`, fix: `Run: export ${variable}=…   or write it into .env beside the config file.`,
  }));
}

/** What can be looked at: pipelines whose account and target have all their values. */
function complete(config: LoadedConfig): LoadedConfig {
  const lacks = (place: string) => config.unset.some(({ path }) => path.startsWith(`${place}.`));
  const pipelines = Object.entries(config.pipelines).filter(([name, { source }]) => !lacks(`pipelines.${name}`) && !lacks(`accounts.${source.account}`));
  return { ...config, pipelines: Object.fromEntries(pipelines) };
}

function printed(results: readonly CheckResult[]): string {
  return results.map(({ what, ok, detail, fix, warning, code }) => {
    const mark = !ok ? "FAIL" : warning === true ? "note" : "ok  ";
    return `${mark}  ${what}: ${code === undefined ? "" : `${code}  `}${detail}${fix === undefined ? "" : `\n      fix: ${fix}`}`;
  }).join("\n");
}
