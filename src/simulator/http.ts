import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** Idle connections stay open longer than any client keeps them, so that a reset is always a fault that was asked for. */
const KEEP_ALIVE_MS = 120_000;
const CHUNK_CHARS = 64 * 1024;

/** A running server on the loopback interface. */
export interface Listening {
  url: string;
  port: number;
  close(): Promise<void>;
}

/** Starts a server; `port` 0 takes a free one. A handler that throws answers 500 with the reason. */
export async function listen({ host, port }: { host: string; port: number }, handle: (req: IncomingMessage, res: ServerResponse) => Promise<void>): Promise<Listening> {
  const server = createServer((req, res) => {
    handle(req, res).catch((error: unknown) => {
      if (res.headersSent) res.destroy();
      else send(res, 500, "application/json", JSON.stringify({ error: String(error) }));
    });
  });
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  server.headersTimeout = KEEP_ALIVE_MS + 1000;
  server.requestTimeout = 0;
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, resolve);
  });
  const bound = (server.address() as AddressInfo).port;
  return { url: `http://${host === "0.0.0.0" ? "127.0.0.1" : host}:${bound}`, port: bound, close: () => closeServer(server) };
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}

/** The whole body; null when it is larger than `maxBytes` (the rest is read and dropped) or the client went away. */
export async function readBody(req: IncomingMessage, maxBytes = Infinity): Promise<Buffer | null> {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of req as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size <= maxBytes) chunks.push(chunk);
    }
  } catch {
    return null;
  }
  return size > maxBytes ? null : Buffer.concat(chunks);
}

/** Answers with a body and its length. */
export function send(res: ServerResponse, status: number, type: string, body: string | Buffer, headers: Record<string, string> = {}): void {
  const bytes = typeof body === "string" ? Buffer.from(body) : body;
  const noBody = status === 204 || status === 304;
  res.writeHead(status, { ...(noBody ? {} : { "Content-Type": `${type}; charset=utf-8`, "Content-Length": bytes.length }), ...headers });
  res.end(noBody ? undefined : bytes);
}

/** Answers with JSON. */
export function sendJson(res: ServerResponse, status: number, value: unknown): void {
  send(res, status, "application/json", JSON.stringify(value));
}

/** Answers with lines of text as they are made, never more than a chunk ahead of the reader; other requests go on between. */
export async function sendLines(res: ServerResponse, lines: Iterable<string>): Promise<void> {
  res.writeHead(200, { "Content-Type": "application/x-ndjson; charset=utf-8" });
  let chunk = "";
  for (const line of lines) {
    chunk += `${line}\n`;
    if (chunk.length < CHUNK_CHARS) continue;
    if (res.destroyed) return;
    if (!res.write(chunk)) await drained(res);
    else await new Promise((resolve) => setImmediate(resolve));
    chunk = "";
  }
  res.end(chunk);
}

function drained(res: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      res.off("drain", done).off("close", done);
      resolve();
    };
    res.on("drain", done).on("close", done);
  });
}

/** Resolves after `ms` milliseconds; at once for 0. */
export function wait(ms: number): Promise<void> {
  return ms <= 0 ? Promise.resolve() : new Promise((resolve) => setTimeout(resolve, ms));
}
