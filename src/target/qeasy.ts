import http from "node:http";
import https from "node:https";
import axios, { isAxiosError, type AxiosResponse } from "axios";
import type { JsonValue, QeasyTargetConfig } from "../config/types.ts";
import { TargetError } from "../errors.ts";
import { readHeld } from "./held.ts";
import type { OutRecord, SendGuard, Target } from "./contract.ts";
import { limited } from "./limit.ts";

/** Received text shown in an error, at most. */
const EXCERPT = 200;

/**
 * Qeasy's write interface: `POST {baseUrl}/api/{interface}`, the interface's name percent-encoded, a JSON array of records a
 * request, or what `body` makes of it. The same batch always carries the same Idempotency-Key.
 * @param place where the config has it, for errors: `pipelines.<name>.target`
 */
export function createQeasyTarget(config: QeasyTargetConfig, place = "target"): Target {
  const url = `${config.baseUrl}/api/${encodeURIComponent(config.api)}`;
  const agents = {
    http: new http.Agent({ keepAlive: true, maxSockets: config.parallel * 2 }),
    https: new https.Agent({ keepAlive: true, maxSockets: config.parallel * 2 }),
  };
  const transport = (url.startsWith("https:") ? https : http) as { request: typeof http.request };

  const post = (body: string, headers: Record<string, string>, guard: SendGuard) =>
    limited(guard, config.timeoutMs, { name: "the target", place }, async (limits) => {
      try {
        return await axios.request<string>({
          url, method: "POST", data: Buffer.from(body), signal: limits.signal, responseType: "text", maxRedirects: 0, proxy: false,
          headers: { "Content-Type": "application/json; charset=utf-8", ...config.headers, ...headers },
          httpAgent: agents.http, httpsAgent: agents.https, maxBodyLength: Infinity, maxContentLength: 10_000_000,
          validateStatus: () => true, transformResponse: (text: string) => text,
          // The last moment before the request is written: a worker that was frozen until now must not send any more.
          transport: {
            request: (options: http.RequestOptions, answer: (response: http.IncomingMessage) => void) => {
              limits.beforeWrite();
              return transport.request(options, answer);
            },
          },
        });
      } catch (error) {
        if (error instanceof TargetError) throw error;
        if (isAxiosError(error) && error.cause instanceof TargetError) throw error.cause;
        limits.signal.throwIfAborted();
        throw new TargetError("retry", "TM_TARGET_UNREACHABLE", `the request to the target failed: ${clean((error as Error).message)}`, {
          path: `${place}.baseUrl`, fix: "A run repeats it by itself. If it goes on, check target.baseUrl, and whether the target is up.",
        });
      }
    });

  const secrets = Object.values(config.headers).flatMap((value) => [value, value.replace(/^Bearer /i, "")]).filter((value) => value.length > 3);
  const clean = (text: string) => secrets.reduce((rest, secret) => rest.replaceAll(secret, "***"), text);

  const [before, after] = envelope(config.body);
  return {
    recordsPerRequest: config.body === "single" ? 1 : config.batchSize,
    bytesPerRequest: config.maxBytes === null ? null : config.maxBytes - Buffer.byteLength(before + after),
    async send(records: readonly OutRecord[], key: string, guard: SendGuard) {
      const body = `${before}${records.map((record) => record.json).join(",")}${after}`;
      const response = await post(body, { "Idempotency-Key": key }, guard);
      const error = judgeAnswer(response.status, response.data, response.headers["retry-after"], config.success);
      if (error !== null) throw describe(error, response, clean, place);
    },
    async check(signal) {
      const single = config.body === "single";
      const response = await post(single ? "{}" : `${before}${after}`, {}, { signal, beforeWrite: () => undefined });
      const error = judgeAnswer(response.status, response.data, undefined, config.success);
      const tried = `POST ${url} with ${single ? "an object without id" : `no records in ${before}${after}`}: HTTP ${response.status}`;
      // An empty body may well be refused; what counts is that the address and the credentials are accepted.
      if (error !== null && error.kind !== "refused") throw describe(error, response, clean, place);
      return tried;
    },
    held: config.heldUrl === null ? null : (signal) => readHeld(config.heldUrl!, config.headers, `${place}.heldUrl`, config.timeoutMs, signal),
  };
}

/** What stands before and behind the records of a body. */
function envelope(body: QeasyTargetConfig["body"]): [string, string] {
  if (body === "single") return ["", ""];
  if (body === "array") return ["[", "]"];
  const [before = "", after = ""] = JSON.stringify(body).split(/"\$records"(?!:)/);
  return [`${before}[`, `]${after}`];
}

interface Judgement {
  kind: "retry" | "refused" | "too-large" | "misconfigured";
  code: string;
  what: string;
  retryAfterMs?: number;
}

const WRONG_ADDRESS_OR_SECRET = new Set([401, 403, 404, 405, 407]);
const REFUSED = new Set([400, 409, 422]);

/**
 * What an answer means: 200 is success unless its JSON says otherwise; each kind of failure has its own consequence, so that
 * a wrong secret or address never sends orders to quarantine. @returns null on success
 */
export function judgeAnswer(status: number, body: string, retryAfter: unknown, success: Record<string, JsonValue[]>): Judgement | null {
  if (status === 200) {
    if (/^\s*</.test(body)) return { kind: "retry", code: "TM_TARGET_ANSWER", what: "answered 200 with an HTML page, which a proxy or a wrong address does" };
    const refusal = refusalInside(body, success);
    return refusal === null ? null : { kind: "refused", code: "TM_TARGET_REFUSED", what: `answered 200, but its JSON says ${refusal}` };
  }
  if (status === 413) return { kind: "too-large", code: "TM_TARGET_TOO_LARGE", what: "finds the request too large" };
  if (REFUSED.has(status)) return { kind: "refused", code: "TM_TARGET_REFUSED", what: `refused with HTTP ${status}` };
  if (WRONG_ADDRESS_OR_SECRET.has(status) || (status >= 200 && status < 400)) {
    return { kind: "misconfigured", code: "TM_TARGET_CONFIG", what: `answered HTTP ${status}, which a wrong address or secret does` };
  }
  if (status === 408 || status === 429 || status >= 500) {
    const seconds = Number(retryAfter);
    return {
      kind: "retry", code: "TM_TARGET_BUSY", what: `answered HTTP ${status}`,
      ...(Number.isFinite(seconds) && seconds > 0 ? { retryAfterMs: Math.min(seconds, 300) * 1000 } : {}),
    };
  }
  return { kind: "misconfigured", code: "TM_TARGET_CONFIG", what: `answered HTTP ${status}, which does not speak of the records` };
}

/** The first success key that the answer sets to something else, as `key = value`; null when it says nothing against success. */
function refusalInside(body: string, success: Record<string, JsonValue[]>): string | null {
  let answer: unknown;
  try {
    answer = JSON.parse(body);
  } catch {
    return null;
  }
  if (typeof answer !== "object" || answer === null) return null;
  for (const [key, values] of Object.entries(success)) {
    const value = (answer as Record<string, unknown>)[key];
    if (value !== undefined && !values.includes(value as JsonValue)) return `${key} = ${JSON.stringify(value).slice(0, 40)}`;
  }
  return null;
}

function describe(judgement: Judgement, response: AxiosResponse<string>, clean: (text: string) => string, path: string): TargetError {
  const received = clean(response.data).replace(/\s+/g, " ").slice(0, EXCERPT);
  const fixes: Record<Judgement["kind"], string> = {
    misconfigured: "Check target.baseUrl, target.api and the target's headers or secret; the records wait, nothing was set aside.",
    refused: "See what the target says about the record; it is in quarantine.",
    "too-large": "Lower target.batchSize.",
    retry: "Tidemark repeats it by itself.",
  };
  // The message reaches workflow histories, which hold no order data: what the target said goes to the log and to quarantine.
  return new TargetError(judgement.kind, judgement.code, `the target ${judgement.what}`, {
    path, details: { received }, fix: fixes[judgement.kind], ...(judgement.retryAfterMs === undefined ? {} : { retryAfterMs: judgement.retryAfterMs }),
  });
}
