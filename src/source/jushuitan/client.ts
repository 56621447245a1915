import { isUtf8 } from "node:buffer";
import { Agent as HttpAgent } from "node:http";
import { Agent as HttpsAgent } from "node:https";
import axios, { isAxiosError } from "axios";
import type { Envelope } from "./envelope.ts";
import { transientError, type FailureContext } from "./errors.ts";
import { excerpt } from "./redact.ts";
import type { Call, Wire, WireRequest } from "./wire.ts";

/** How requests travel. Agents default to keep-alive agents that all sources of the process share. */
export interface HttpOptions {
  httpAgent?: HttpAgent;
  httpsAgent?: HttpsAgent;
  /** The largest body that is taken (bytes). Default 64 MiB. */
  maxBytes?: number;
}

const MAX_BYTES = 64 * 1024 * 1024;
const sharedHttpAgent = new HttpAgent({ keepAlive: true, scheduling: "lifo" });
const sharedHttpsAgent = new HttpsAgent({ keepAlive: true, scheduling: "lifo" });

/** One request, before its timestamp and signature. */
export interface PostRequest {
  wire: Wire;
  call: Call;
  /** null: the call carries none. */
  token: string | null;
  /** Source clock minus local clock (ms), for the timestamp. */
  clockOffsetMs: number;
  /** Limit for everything from connecting to the last byte (ms). */
  timeoutMs: number;
  http: HttpOptions;
}

/** What came back. */
export interface Reply {
  status: number;
  /** The body as text, as received. */
  text: string;
  /** Null only for HTTP 429 without a readable body. */
  envelope: Envelope | null;
  retryAfterMs: number | null;
  /** Source clock minus local clock (ms) by the `Date` header, and how far that may be off; null without the header. */
  clock: { offsetMs: number; errorMs: number } | null;
  /** What was sent and must be kept out of errors, such as the signature. */
  secrets: readonly string[];
}

/**
 * Makes one HTTP call. A JSON body with `code` counts whatever the HTTP status; HTTP 429 is handed back too.
 * @throws SourceError transient `TM_SOURCE_TRANSIENT`: no connection, time limit, no readable answer
 * @throws the signal's reason when it aborts
 */
export async function post(request: PostRequest, context: FailureContext, signal: AbortSignal): Promise<Reply> {
  const sentAt = Date.now();
  const timestamp = String(Math.floor((sentAt + request.clockOffsetMs) / 1000));
  const written = request.wire.write(request.call, request.token, timestamp);
  const safe: FailureContext = { ...context, secrets: [...context.secrets, ...written.secrets] };
  const { status, headers, body } = await transfer(request, written, safe, signal);

  const seen = `HTTP ${status}`;
  const clock = clockOf(headers["date"], sentAt, Date.now());
  const retryAfterMs = retryAfterOf(headers["retry-after"]);
  const text = isUtf8(body) ? body.toString("utf8").replace(/^\uFEFF/, "") : null;
  const envelope = text === null ? "a body that is not UTF-8" : request.wire.read(text, status);
  const reply = { status, text: text ?? "", retryAfterMs, clock, secrets: written.secrets };
  if (typeof envelope !== "string") return { ...reply, envelope };
  if (status === 429) return { ...reply, envelope: null };
  const shown = excerpt(text ?? "", safe.secrets);
  throw transientError(`answered ${seen} with ${envelope}${shown === "" ? "" : `: ${shown}`}`, safe, { status, bytes: body.length });
}

interface Received {
  status: number;
  headers: Record<string, unknown>;
  body: Buffer;
}

async function transfer(request: PostRequest, { url, body, headers }: WireRequest, context: FailureContext, signal: AbortSignal): Promise<Received> {
  signal.throwIfAborted();
  const stop = new AbortController();
  const abort = () => stop.abort();
  signal.addEventListener("abort", abort, { once: true });
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    stop.abort();
  }, request.timeoutMs);
  try {
    const response = await axios.request<Buffer>({
      method: "POST",
      url,
      data: body,
      headers: { ...headers, Accept: "application/json" },
      responseType: "arraybuffer",
      transformRequest: [(data: unknown) => data],
      validateStatus: () => true,
      maxRedirects: 0, // a redirect would carry the signed request to an address that nobody configured
      maxContentLength: request.http.maxBytes ?? MAX_BYTES,
      httpAgent: request.http.httpAgent ?? sharedHttpAgent,
      httpsAgent: request.http.httpsAgent ?? sharedHttpsAgent,
      signal: stop.signal,
      ...(isLoopback(url) ? { proxy: false as const } : {}),
    });
    return { status: response.status, headers: response.headers, body: response.data };
  } catch (error) {
    signal.throwIfAborted();
    if (late) throw transientError(`gave no complete answer within ${request.timeoutMs} ms`, context);
    if (!isAxiosError(error)) throw error;
    // Never the error itself as a cause: it holds the request with the token.
    const reason = excerpt(error.message, context.secrets);
    throw transientError(`could not be asked: ${reason}`, context, { network: error.code ?? "unknown" });
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", abort);
  }
}

function isLoopback(url: string): boolean {
  return ["127.0.0.1", "localhost", "[::1]"].includes(URL.canParse(url) ? new URL(url).hostname : "");
}

/** A `Date` header has a grain of one second, and was written somewhere between sending and receiving. */
function clockOf(date: unknown, sentAt: number, receivedAt: number): Reply["clock"] {
  const source = typeof date === "string" ? Date.parse(date) : Number.NaN;
  if (Number.isNaN(source)) return null;
  const offsetMs = Math.round(source + 500 - (sentAt + receivedAt) / 2);
  return { offsetMs, errorMs: 500 + Math.ceil((receivedAt - sentAt) / 2) };
}

/** Seconds or an HTTP date, as ms from now. */
function retryAfterOf(header: unknown): number | null {
  if (typeof header !== "string") return null;
  if (/^\s*\d{1,6}\s*$/.test(header)) return Number(header) * 1000;
  const until = Date.parse(header);
  return Number.isNaN(until) ? null : Math.max(0, until - Date.now());
}
