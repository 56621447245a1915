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
