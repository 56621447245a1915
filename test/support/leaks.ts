import type { History } from "@temporalio/common/lib/proto-utils.js";
import { readToken } from "../../src/store/tokens.ts";
import type { Job } from "./job.ts";
import { qeasyOf } from "./pipeline.ts";

/** What of the job's orders, tokens and secrets stands in histories; empty when nothing does. */
export async function leaksIn(job: Job, histories: readonly History[]): Promise<string[]> {
  const text = histories.flatMap(({ events }) => textsOf(events)).join("\n");
  const answer = await (await fetch(`${job.source.url}/_admin/truth`)).text();
  const ids = answer.trim().split("\n").map((line) => (JSON.parse(line) as { id: string }).id);
  const record = await (await fetch(`${job.source.url}/_admin/record?id=${ids[10]}`)).text();
  const names = [...record.matchAll(/"(?:receiver_name|shop_buyer_id|so_id)":"([^"]{3,})"/g)].map((match) => match[1]!);
  if (names.length < 2) throw new Error("the order that was looked at has no names in it");
  const { Authorization = "top-secret-of-the-target" } = qeasyOf(Object.values(job.config.pipelines)[0]!).headers;
  const token = await readToken(job.store.db, job.services.key, "main");
  const tokens = ["00112233445566778899aabbccddeeff", "ffeeddccbbaa99887766554433221100", ...(token === null ? [] : [token.accessToken])];
  const secrets = [...names, Authorization.replace("Bearer ", ""), "demo-app-secret", ...tokens, "o_id"];
  // Random ids and checksums hold such digits too, within longer runs.
  const words = new Set(text.match(/[0-9a-z]+/g));
  return [...secrets.filter((secret) => text.includes(secret)), ...ids.filter((id) => words.has(id))];
}

/** All that people or workers wrote into events: texts and payloads. Numbers are the server's own: event ids, times; `identity` has a process id. */
export function textsOf(value: unknown): string[] {
  if (typeof value === "string") return [value];
  if (value instanceof Uint8Array) return [Buffer.from(value).toString("utf8")];
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => (key === "identity" ? [] : [key, ...textsOf(inner)]));
}
