import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { AppAccount } from "../../../src/config/types.ts";
import type { SourceDeps } from "../../../src/source/contract.ts";
import { sign } from "../../../src/source/jushuitan/sign.ts";

/** Made-up credentials of the signature vectors. */
export const APP_KEY = "a1b2c3d4e5f60718293a4b5c6d7e8f90";
export const APP_SECRET = "0f1e2d3c4b5a69788796a5b4c3d2e1f0";
export const TOKEN = "00112233445566778899aabbccddeeff";
export const REFRESH_TOKEN = "ffeeddccbbaa99887766554433221100";

/** A request as the server got it. */
export interface Seen {
  method: string;
  url: string;
  contentType: string;
  body: string;
  form: Record<string, string>;
  /** Whether the signature fits the fields. */
  signed: boolean;
}

/** What the server does with its nth request (from 0). A string or object is a 200 answer. */
export type Answer = (seen: Seen, response: ServerResponse, n: number) => unknown;

/** A server that speaks the platform's wire. Every request is kept in `seen`. */
export async function serve(answer: Answer) {
  const seen: Seen[] = [];
  const server = createServer((request, response) => {
    void readBody(request).then((body) => {
      const form = Object.fromEntries(new URLSearchParams(body));
      const entry: Seen = {
        method: request.method ?? "",
        url: request.url ?? "",
        contentType: request.headers["content-type"] ?? "",
        body,
        form,
        signed: form["sign"] === sign(form, APP_SECRET),
      };
      seen.push(entry);
      const result = answer(entry, response, seen.length - 1);
      if (result !== undefined) response.end(typeof result === "string" || Buffer.isBuffer(result) ? result : JSON.stringify(result));
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  return {
    seen,
    baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString("utf8");
}

export function account(baseUrl: string, more: Partial<AppAccount> = {}): AppAccount {
  return {
    name: "main",
    platform: "jushuitan",
    kind: "self",
    baseUrl,
    appKey: APP_KEY,
    appSecret: APP_SECRET,
    accessToken: null,
    refreshToken: null,
    limits: { perSecond: 5, perMinute: 100 },
    timeoutMs: 5_000,
    ...more,
  };
}

/** The outside of a source, in memory; `log` tells in which order it was asked. */
export function outside(more: Partial<SourceDeps> = {}) {
  const state = {
    token: { value: TOKEN, version: 1 },
    offsetMs: 0,
    log: [] as string[],
    pauses: [] as number[],
    clocks: [] as number[],
    renewals: [] as number[],
  };
  const deps: SourceDeps = {
    token: async () => {
      state.log.push("token");
      return state.token;
    },
    renewToken: async (used) => {
      state.renewals.push(used.version);
      state.token = { value: `renewed-token-${used.version + 1}`, version: used.version + 1 };
    },
    acquire: async (signal) => {
      signal.throwIfAborted();
      state.log.push("acquire");
    },
    pause: async (ms) => {
      state.pauses.push(ms);
    },
    clockOffsetMs: async () => state.offsetMs,
    reportClock: async (offsetMs) => {
      state.clocks.push(offsetMs);
    },
    ...more,
  };
  return { state, deps };
}

/** An answer with code 0 and these rows, as raw text. */
export function page(rows: readonly string[], more = '"has_next":false', key = "orders"): string {
  return `{"code":0,"msg":"执行成功","data":{"page_index":1,${more},"${key}":[${rows.join(",")}]},"request_id":"demo-request-0001"}`;
}

export const never = new AbortController().signal;
