import type { Client } from "@temporalio/client";

type History = Awaited<ReturnType<ReturnType<Client["workflow"]["getHandle"]>["fetchHistory"]>>;

/** A run's history, as `Worker.runReplayHistories` takes it. */
export interface RecordedRun {
  workflowId: string;
  history: History;
}

/** The histories of all runs that a visibility query finds. */
export async function historiesOf(client: Client, query: string): Promise<RecordedRun[]> {
  const found: RecordedRun[] = [];
  for await (const { workflowId, runId } of client.workflow.list({ query })) {
    found.push({ workflowId, history: await client.workflow.getHandle(workflowId, runId).fetchHistory() });
  }
  return found;
}

/** All that people or workers wrote into events: texts and payloads. Numbers are the server's own: event ids, times; `identity` has a process id. */
export function textsOf(value: unknown): string[] {
  if (typeof value === "string") return [value];
  if (value instanceof Uint8Array) return [Buffer.from(value).toString("utf8")];
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => (key === "identity" ? [] : [key, ...textsOf(inner)]));
}

/** Which of the ids stand in the text by themselves. Random ids and checksums hold such digits too, within longer runs. */
export function idsIn(text: string, ids: readonly string[]): string[] {
  const words = new Set(text.match(/[0-9a-z]+/g));
  return ids.filter((id) => words.has(id));
}

/** Ids, and texts such as names of receivers, of the orders of a Jushuitan simulator: nothing of them may be in a history. */
export async function orderFacts(sourceUrl: string): Promise<{ ids: string[]; names: string[] }> {
  const truth = (await (await fetch(`${sourceUrl}/_admin/truth`)).text()).trim().split("\n");
  const ids = truth.map((line) => (JSON.parse(line) as { id: string }).id);
  const record = await (await fetch(`${sourceUrl}/_admin/record?id=${ids[10]}`)).text();
  return { ids, names: [...record.matchAll(/"(?:receiver_name|shop_buyer_id|so_id)":"([^"]{3,})"/g)].map((match) => match[1]!) };
}
