import { createHash } from "node:crypto";
import { request } from "node:http";

export const APP_KEY = "a1b2c3d4e5f60718293a4b5c6d7e8f90";
export const SECRET = "0f1e2d3c4b5a69788796a5b4c3d2e1f0";
export const TOKEN = "00112233445566778899aabbccddeeff";
export const ORDERS = "/open/orders/single/query";
export const OUTBOUND = "/open/orders/out/simple/query";

/** What came back over the wire. */
export interface Reply {
  status: number;
  text: string;
  date: string;
}

export interface Row {
  id: string;
  ts: string;
  modified: string;
  raw: string;
}

/** An answer as a test reads it: numbers beyond 2^53 are kept as text in `rows`. */
export interface Answer {
  code: number;
  msg: string;
  total: number | undefined;
  hasNext: unknown;
  rows: Row[];
  text: string;
}

/** Signs as the platform's documentation says. */
export function sign(fields: Record<string, string>): string {
  const keys = Object.keys(fields).filter((key) => key !== "sign" && fields[key] !== "");
  return createHash("md5").update(SECRET + keys.sort().map((key) => key + fields[key]).join("")).digest("hex");
}

/** A POST of raw text with no client between the test and the socket. */
export function post(url: string, body: string, headers: Record<string, string> = {}): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const req = request(url, { method: "POST", headers, agent: false }, (res) => {
      const chunks: Buffer[] = [];
      res.on("data", (chunk: Buffer) => chunks.push(chunk));
      res.on("error", reject);
      res.on("close", () => (res.complete ? undefined : reject(new Error("cut"))));
      res.on("end", () => resolve({ status: res.statusCode ?? 0, text: Buffer.concat(chunks).toString(), date: res.headers.date ?? "" }));
    });
    req.on("error", reject);
    req.end(body);
  });
}

/** A signed form. */
export function form(fields: Record<string, string>): string {
  return new URLSearchParams({ ...fields, sign: sign(fields) }).toString();
}

export function postForm(url: string, fields: Record<string, string>): Promise<Reply> {
  return post(url, form(fields), { "Content-Type": "application/x-www-form-urlencoded;charset=utf-8" });
}

export function now(): string {
  return String(Math.floor(Date.now() / 1000));
}

/** A signed business call whose `biz` is given as text. */
export async function ask(base: string, path: string, biz: string, token = TOKEN): Promise<Answer> {
  const reply = await postForm(base + path, { app_key: APP_KEY, access_token: token, timestamp: now(), charset: "utf-8", version: "2", biz });
  return read(reply.text);
}

export function read(text: string): Answer {
  const answer = JSON.parse(text) as { code: number; msg: string; data: Record<string, unknown> | null };
  const exact = JSON.parse(text.replaceAll(/"ts":(\d+)/g, '"ts":"$1"')) as { data: Record<string, unknown> | null };
  const list = (exact.data?.["orders"] ?? exact.data?.["datas"] ?? []) as Record<string, unknown>[];
  const rows = list.map((row) => ({ id: String(row["io_id"] ?? row["o_id"]), ts: String(row["ts"]), modified: String(row["modified"]), raw: JSON.stringify(row) }));
  return { code: answer.code, msg: answer.msg, total: answer.data?.["data_count"] as number | undefined, hasNext: answer.data?.["has_next"], rows, text };
}

/** An admin call; answers its JSON. */
export async function admin<T = Record<string, unknown>>(base: string, path: string, body?: unknown): Promise<T> {
  const response = await fetch(`${base}/_admin/${path}`, body === undefined ? {} : { method: "POST", body: JSON.stringify(body) });
  return (await response.json()) as T;
}

export interface Truth {
  id: string;
  ts: string;
  modified: string;
  hash: string;
}

export async function truth(base: string, api = ORDERS): Promise<Truth[]> {
  const text = await (await fetch(`${base}/_admin/truth?api=${encodeURIComponent(api)}`)).text();
  return text.split("\n").filter((line) => line !== "").map((line) => JSON.parse(line) as Truth);
}

/** `YYYY-MM-DD HH:mm:ss` in Shanghai, so many seconds from now. */
export function shanghai(seconds: number): string {
  return new Date(Date.now() + seconds * 1000 + 8 * 3_600_000).toISOString().slice(0, 19).replace("T", " ");
}
