import type { TidemarkConfig } from "../config/types.ts";
import { TidemarkError } from "../errors.ts";
import type { HeldRecord, Target } from "../target/contract.ts";
import { readNewest } from "../source/pages.ts";
import { fingerprint } from "../store/secrets.ts";
import { accountOf, pipelineContext, type Services, tokensOf } from "../sync/services.ts";
import { countOf } from "../sync/labels.ts";
import { CLOCK_WARNING_MS, sourceOffset } from "../store/clock.ts";
import { coverageNote } from "./coverage-note.ts";
import { sharedTargets } from "./shared-targets.ts";
import { liveWorkers } from "./workers.ts";
import { tokenNotices } from "./tokens.ts";
import { openServices, type OpenedStore, openTemporal } from "./open.ts";

/** One thing that was looked at. */
export interface CheckResult {
  what: string;
  ok: boolean;
  /** What was found, or why it fails. */
  detail: string;
  code?: string;
  fix?: string;
  /** Worth knowing, though it works. */
  warning?: boolean;
}

/** Looks at config, Temporal, Postgres, each account's credentials and each pipeline's target. Writes no record anywhere. */
export async function check(config: TidemarkConfig, signal: AbortSignal): Promise<CheckResult[]> {
  const results: CheckResult[] = [
    { what: "config", ok: true, detail: `${config.file}: ${countOf(Object.keys(config.pipelines).length, "pipeline")}, ${countOf(Object.keys(config.accounts).length, "account")}` },
    ...sharedTargets(config.pipelines),
  ];
  const look = async (what: string, work: () => Promise<string>): Promise<boolean> => {
    try {
      results.push({ what, ok: true, detail: await work() });
      return true;
    } catch (error) {
      results.push({ what, ok: false, ...problem(error) });
      return false;
    }
  };
  await look("temporal", async () => {
    const temporal = await openTemporal(config);
    await temporal.close();
    return `${temporal.address}, namespace ${temporal.namespace}`;
  });
  let opened: OpenedStore | undefined;
  await look("postgres", async () => {
    opened = await openServices(config, { orEmbedded: true });
    return "reachable, schema up to date";
  });
  if (opened === undefined) return results;
  try {
    const workers = await liveWorkers(opened.services);
    results.push(workers > 0
      ? { what: "workers", ok: true, detail: `${workers} of the task queue ${config.runtime.taskQueue}` }
      : { what: "workers", ok: true, warning: true, detail: "none runs, so nothing is copied", fix: 'Start one with "tidemark worker", or "tidemark dev".' });
    for (const name of Object.keys(config.pipelines)) await checkPipeline(opened.services, name, signal, results, look);
    for (const detail of await tokenNotices(opened.services)) results.push({ what: "tokens", ok: true, warning: true, detail });
  } finally {
    await opened.close();
  }
  return results;
}

async function checkPipeline(
  services: Services, name: string, signal: AbortSignal, results: CheckResult[], look: (what: string, work: () => Promise<string>) => Promise<boolean>,
): Promise<void> {
  const context = pipelineContext(services, name, "backfill", { signal, progress: () => undefined });
  const account = accountOf(services.config, context.pipeline.source.account);
  if (context.api.call === true) {
    await look(`source of ${name}`, async () => {
      const { value } = await tokensOf(services, account).current(signal);
      return `account ${account.name} has a token, fingerprint ${fingerprint(value)}; ${context.pipeline.source.api} is not called to look`;
    });
    await look(`target of ${name}`, () => context.target().check(signal));
    return;
  }
  const { source } = context.source();
  const readable = await look(`source of ${name}`, async () => {
    const to = Math.floor(Date.now() / 1000) * 1000 - context.pipeline.source.settleMs;
    const answer = await readNewest(source, { from: to - 3_600_000, to, pageSize: context.pipeline.source.pageSize, params: context.pipeline.source.params }, signal);
    const count = `${answer.total ?? answer.rows.length}${answer.hasNext === true && answer.total === null ? " or more" : ""}`;
    return `account ${account.name} may read ${source.api.path}; ${count} records ${source.api.windowKeys === null ? "are there" : "were modified in the last hour"}`;
  });
  if (readable) {
    const offset = await sourceOffset(services.store.db, account.name);
    if (Math.abs(offset) > CLOCK_WARNING_MS) {
      results.push({
        what: `clock of ${account.name}`, ok: true, warning: true, detail: `the source's clock is ${Math.round(offset / 1000)} s off this machine's`,
        fix: "Set this machine's clock by NTP. Until then Tidemark signs by the source's clock and looks further back by as much.",
      });
    }
    await noteCoverage(services, name, signal, results);
  }
  await look(`target of ${name}`, () => context.target().check(signal));
  const { held } = context.target();
  if (context.pipeline.target.use === "qeasy" && held !== null) await look(`list of ${name}'s target`, () => readList(held, signal));
}

/** Reads the beginning of what a target lists. */
async function readList(held: NonNullable<Target["held"]>, signal: AbortSignal): Promise<string> {
  let records: HeldRecord[] = [];
  for await (records of held(signal)) break;
  const without = records.filter(({ version }) => version === null).length;
  if (records.length === 0) return "target.heldUrl lists nothing so far";
  return `target.heldUrl lists records; looked at: ${records.length}${without === 0 ? "" : `, without ts: ${without}, of which an older version would not be noticed`}`;
}

/** What the API never returns, and shops of which nothing was seen. */
async function noteCoverage(services: Services, name: string, signal: AbortSignal, results: CheckResult[]): Promise<void> {
  try {
    const note = await coverageNote(services, name, signal);
    if (note.notProvable !== null) results.push({ what: `proof of ${name}`, ok: true, warning: true, detail: `not provable: ${note.notProvable}` });
    for (const gap of note.neverReturns) results.push({ what: `coverage of ${name}`, ok: true, warning: true, detail: `the API never returns ${gap}` });
    if (note.silentShops.length > 0) {
      const shops = note.silentShops.slice(0, 20).map((shop) => `${shop.name} (${shop.id})`).join(", ");
      results.push({ what: `shops of ${name}`, ok: true, warning: true, detail: `not covered, or no sales so far: ${shops}` });
    }
  } catch (error) {
    results.push({ what: `shops of ${name}`, ok: true, warning: true, detail: `the list of shops cannot be read: ${problem(error).detail}` });
  }
}

function problem(error: unknown): Pick<CheckResult, "detail" | "code" | "fix"> {
  if (!(error instanceof TidemarkError)) return { detail: error instanceof Error ? error.message : String(error) };
  return { detail: error.message, code: error.code, ...(error.fix === undefined ? {} : { fix: error.fix }) };
}
