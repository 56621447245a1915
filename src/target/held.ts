import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import axios, { type AxiosResponse } from "axios";
import { z } from "zod";
import { linkedTo } from "../abort.ts";
import { TargetError } from "../errors.ts";
import type { HeldRecord } from "./contract.ts";

const CHUNK = 1_000;
const line = z.object({ id: z.union([z.string(), z.int().transform(String)]), ts: z.union([z.string().regex(/^\d{1,20}$/), z.int().min(0).transform(String)]).nullish() });

/**
 * Reads a target's list: one JSON object a line, with `id` and, where it is known, `ts`. Versions past 2^53 have to be text.
 * @param place the setting that has the address, for errors
 * @param silentMs how long nothing may come (ms)
 * @throws TargetError `TM_TARGET_HELD`
 */
export async function* readHeld(url: string, headers: Record<string, string>, place: string, silentMs: number, signal: AbortSignal): AsyncGenerator<HeldRecord[]> {
  const failed = failedAt(place);
  const listening = linkedTo(signal);
  const timer = setTimeout(() => listening.abort(failed("retry", `nothing came for ${silentMs} ms; look whether its server is up, or raise target.timeout`)), silentMs);
  try {
    yield* readLines(await ask(url, headers, listening.signal, failed), failed, timer, listening.signal);
  } finally {
    clearTimeout(timer);
    listening.release();
  }
}

async function* readLines({ data }: AxiosResponse<Readable>, failed: ReturnType<typeof failedAt>, timer: NodeJS.Timeout, signal: AbortSignal): AsyncGenerator<HeldRecord[]> {
  const lines = createInterface({ input: data, crlfDelay: Infinity });
  let chunk: HeldRecord[] = [];
  let number = 0;
  try {
    for await (const text of lines) {
      number++;
      timer.refresh();
      if (text.trim() === "") continue;
      chunk.push(parse(text, number, failed));
      if (chunk.length < CHUNK) continue;
      yield chunk;
      timer.refresh();
      chunk = [];
    }
  } catch (error) {
    signal.throwIfAborted();
    throw error instanceof TargetError ? error : failed("retry", `the list broke off after ${number} lines`);
  } finally {
    // Whoever has read enough ends the request.
    data.destroy();
  }
  yield chunk;
}

async function ask(url: string, headers: Record<string, string>, signal: AbortSignal, failed: ReturnType<typeof failedAt>): Promise<AxiosResponse<Readable>> {
  const answer = await axios.get<Readable>(url, { headers, signal, responseType: "stream", proxy: false, maxRedirects: 0, validateStatus: () => true }).catch(() => {
    signal.throwIfAborted();
    throw failed("retry", "the address cannot be reached");
  });
  if (answer.status === 200) return answer;
  answer.data.destroy();
  throw failed(answer.status >= 500 || answer.status === 429 ? "retry" : "misconfigured", `it answered HTTP ${answer.status}`);
}

function parse(text: string, number: number, failed: ReturnType<typeof failedAt>): HeldRecord {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw failed("misconfigured", `line ${number} is no JSON`);
  }
  const read = line.safeParse(json);
  if (!read.success) throw failed("misconfigured", `line ${number} is no object with id, and ts as decimal digits`);
  return { id: read.data.id, version: read.data.ts ?? null };
}

function failedAt(path: string) {
  return (kind: "retry" | "misconfigured", what: string) => new TargetError(kind, "TM_TARGET_HELD", `what the target holds could not be listed: ${what}`, {
    path, fix: 'It has to answer HTTP 200 with one JSON object a line, such as {"id":"1001","ts":"20260101000000455"}.',
  });
}
