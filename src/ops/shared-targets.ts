import { isDeepStrictEqual } from "node:util";
import type { PipelineConfig, TargetConfig } from "../config/types.ts";
import type { CheckResult } from "./check.ts";

const PORTS = { postgres: "5432", mysql: "3306" };

/** A note for each target that several pipelines write to: each has an index of its own, so none sees what the others wrote. */
export function sharedTargets(pipelines: Record<string, PipelineConfig>): CheckResult[] {
  const groups: { place: unknown; names: string[] }[] = [];
  for (const { name, target } of Object.values(pipelines)) {
    const place = placeOf(target);
    const group = groups.find((one) => isDeepStrictEqual(one.place, place));
    if (group === undefined) groups.push({ place, names: [name] });
    else group.names.push(name);
  }
  return groups.filter(({ names }) => names.length > 1).map(({ names }) => ({
    what: "targets", ok: true, warning: true,
    detail: `${names.slice(0, -1).join(", ")} and ${names.at(-1)!} write to the same target: records with the same id overwrite each other`,
    fix: "Give each a target of its own, unless their ids are never the same.",
  }));
}

/** What two targets have in common when they write to the same place. Not for printing. */
function placeOf(target: TargetConfig): unknown {
  if (target.use === "qeasy") return [target.use, target.baseUrl, target.api];
  if (target.use === "module") return [target.use, target.file, target.options];
  const { hostname, port, pathname } = new URL(target.url);
  const schema = target.schema ?? (target.use === "postgres" ? "public" : null);
  return [target.use, hostname.toLowerCase(), port === "" ? PORTS[target.use] : port, pathname, schema, target.table];
}
