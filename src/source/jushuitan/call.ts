import type { AccountConfig } from "../../config/types.ts";
import type { AccessToken, SourceDeps } from "../contract.ts";
import { post, type HttpOptions } from "./client.ts";
import type { Envelope } from "./envelope.ts";
import { answerError, classify, type FailureContext } from "./errors.ts";
import { type Call, wireOf } from "./wire.ts";

export type { Call } from "./wire.ts";

/** Pauses that the platform's two rate refusals ask for (ms): 199 is the limit of a second, 200 that of a minute. */
const SECOND_PAUSE_MS = 1_200;
const MINUTE_PAUSE_MS = 15_000;
/** A longer Retry-After is taken for a mistake (ms). */
const LONGEST_PAUSE_MS = 10 * 60_000;

/** Differences of the clocks below this are not worth a write to the store (ms). */
const CLOCK_GRAIN_MS = 1_000;

/** What a call needs of the outside when it carries no token. */
export type BudgetDeps = Pick<SourceDeps, "acquire" | "pause" | "clockOffsetMs" | "reportClock">;

/** An account and its way to the platform; `tokens` is null for calls that carry no token. */
export interface Link {
  account: AccountConfig;
  deps: BudgetDeps;
  tokens: Pick<SourceDeps, "token" | "renewToken"> | null;
  http: HttpOptions;
}

/** An answer with code 0. */
export interface Outcome {
  envelope: Envelope;
  text: string;
  /** HTTP requests made. */
  requests: number;
  /** For errors that are found in the answer later on. */
  context: FailureContext;
}

/** Remedies that help once, if at all. */
interface Tried {
  renewed: boolean;
  reread: boolean;
  clock: boolean;
}

/**
 * Makes a call and does what the platform itself asks for: a renewed token, a corrected clock, a wait for its rate. Each
 * remedy but the wait is tried once; the wait has no end but the signal's.
 * @throws SourceError of the classes in errors.ts; the signal's reason when it aborts
 */
export async function call(link: Link, request: Call, signal: AbortSignal): Promise<Outcome> {
  const { account, deps } = link;
  const tokens = request.token === undefined ? link.tokens : null;
  const wire = wireOf(account);
  const tried: Tried = { renewed: false, reread: false, clock: false };
  let learned: number | null = null;
  for (let requests = 1; ; requests++) {
    signal.throwIfAborted();
    await deps.acquire(signal);
    const token = tokens === null ? null : await tokens.token();
    const carried = token?.value ?? request.token ?? null;
    const known = await deps.clockOffsetMs();
    const offset = learned ?? known;
    const secrets = [...wire.secrets, ...(carried === null ? [] : [carried]), ...(request.secrets ?? [])];
    const context: FailureContext = { account: account.name, kind: account.kind, api: wire.nameOf(request), requests, requestId: null, secrets };
    const sent = { wire, call: request, token: carried, clockOffsetMs: offset, timeoutMs: account.timeoutMs, http: link.http };
    const reply = await post(sent, context, signal);
    const { envelope, clock } = reply;
    if (clock !== null && Math.abs(clock.offsetMs - known) > CLOCK_GRAIN_MS + clock.errorMs) await deps.reportClock(clock.offsetMs);

    const safe = { ...context, requestId: envelope?.requestId ?? null, secrets: [...secrets, ...reply.secrets] };
    const verdict = {
      code: envelope?.code ?? reply.status,
      msg: envelope?.msg ?? "",
      success: envelope?.success ?? null,
      legacy: account.kind === "legacy",
      skewMs: clock === null ? null : Math.abs(clock.offsetMs - offset),
    };
    const meaning = classify(verdict);
    if (envelope !== null && meaning === "ok") return { envelope, text: reply.text, requests, context: safe };

    // Without an envelope it was HTTP 429.
    if (envelope === null || meaning === "ok" || meaning === "rate") {
      await deps.pause(pauseOf(verdict.code, reply.retryAfterMs));
    } else if (meaning === "clock" && !tried.clock) {
      tried.clock = true;
      learned = clock?.offsetMs ?? null;
    } else if (!(meaning === "token" && tokens !== null && token !== null && (await renewed(tokens, token, tried)))) {
      throw answerError(meaning, verdict, safe);
    }
  }
}

/** Whether there is a token to try after `used` was refused: a renewed one, or one that others switched in meanwhile. */
async function renewed(tokens: NonNullable<Link["tokens"]>, used: AccessToken, tried: Tried): Promise<boolean> {
  if (!tried.renewed) {
    tried.renewed = true;
    await tokens.renewToken(used);
    return true;
  }
  if (tried.reread) return false;
  tried.reread = true;
  return (await tokens.token()).version !== used.version;
}

function pauseOf(code: number, retryAfterMs: number | null): number {
  const usual = code === 199 ? SECOND_PAUSE_MS : MINUTE_PAUSE_MS;
  return retryAfterMs === null ? usual : Math.min(Math.max(retryAfterMs, SECOND_PAUSE_MS), LONGEST_PAUSE_MS);
}
