import type { IncomingMessage, ServerResponse } from "node:http";
import { z } from "zod";
import { readBody, send, sendJson, sendLines } from "../http.ts";
import { type Held, hashOf } from "./records.ts";
import type { Simulation } from "./simulation.ts";

const deleteBody = z.strictObject({ ids: z.array(z.string()) });

/** The admin interface: no secret, never faulty. A wrong request answers 400 with `{error}`. */
export async function handleAdmin(simulation: Simulation, url: URL, req: IncomingMessage, res: ServerResponse): Promise<void> {
  const { records } = simulation;
  const route = `${req.method} ${url.pathname.slice("/_admin".length)}`;
  const id = url.searchParams.get("id") ?? "";
  const body = (await readBody(req))?.toString() ?? "";
  try {
    const json: unknown = body === "" ? {} : JSON.parse(body);
    switch (route) {
      case "GET /state":
        return sendJson(res, 200, simulation.describe());
      case "POST /configure":
        simulation.configure(json);
        return sendJson(res, 200, simulation.shownSettings());
      case "POST /reset-counters":
        simulation.resetCounters();
        return sendJson(res, 200, { reset: true });
      case "POST /clear":
        records.clear();
        return sendJson(res, 200, { cleared: true });
      case "POST /delete":
        return sendJson(res, 200, { deleted: deleteBody.parse(json).ids.filter((wanted) => records.delete(wanted)).length });
      case "DELETE /record":
        return sendJson(res, 200, { deleted: records.delete(id) ? 1 : 0 });
      case "GET /record": {
        const raw = records.get(id)?.raw;
        return raw == null ? sendJson(res, 404, { error: "no such record, or texts are not kept" }) : send(res, 200, "application/json", raw);
      }
      case "GET /records":
        return await sendLines(res, list(simulation, url.searchParams.get("after"), Number(url.searchParams.get("limit") ?? Infinity)));
      default:
        return sendJson(res, 404, { error: `no such admin endpoint: ${route}` });
    }
  } catch (error) {
    if (res.headersSent) throw error;
    sendJson(res, 400, { error: error instanceof z.ZodError ? z.prettifyError(error) : String(error) });
  }
}

function* list({ records }: Simulation, after: string | null, limit: number): Generator<string> {
  let left = limit;
  for (const id of records.idsAfter(after)) {
    const held: Held | undefined = records.get(id);
    if (held === undefined) continue;
    if (left-- <= 0) return;
    yield JSON.stringify({ id, ts: held.ts, hash: hashOf(held), writes: held.writes });
  }
}
