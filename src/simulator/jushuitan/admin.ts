import type { IncomingMessage, ServerResponse } from "node:http";
import { z } from "zod";
import { readBody, send, sendJson, sendLines } from "../http.ts";
import { compareIds } from "../ids.ts";
import { contentHash } from "../json-bytes.ts";
import { shanghaiText } from "../shanghai.ts";
import type { Collection } from "./collection.ts";
import type { JushuitanSettings } from "./options.ts";
import { ORDERS } from "./order-row.ts";
import type { Simulation } from "./simulation.ts";

const api = z.string().default(ORDERS.path);
const changeBody = z.strictObject({
  api,
  /** Rows to write to; else `count` random ones. */
  ids: z.array(z.union([z.int(), z.string()]).transform(String)).optional(),
  count: z.int().min(0).default(1),
});
const insertBody = z.strictObject({ api, count: z.int().min(0).default(1), lateMs: z.int().min(0).optional() });

/** The admin interface: no signature, not limited, never faulty. A wrong request answers 400 with `{error}`. */
export async function handleAdmin(simulation: Simulation, url: URL, req: IncomingMessage, res: ServerResponse): Promise<void> {
  const { store, log, tokens } = simulation;
  const route = `${req.method} ${url.pathname.slice("/_admin".length)}`;
  const body = (await readBody(req))?.toString() ?? "";
  try {
    const json: unknown = body === "" ? {} : JSON.parse(body);
    store.commitLate();
    switch (route) {
      case "GET /state":
        return sendJson(res, 200, describe(simulation));
      case "POST /configure":
        simulation.configure(json);
        return sendJson(res, 200, shownSettings(store.settings));
      case "POST /freeze":
        store.freeze();
        return sendJson(res, 200, { frozen: true });
      case "POST /unfreeze":
        store.frozen = false;
        return sendJson(res, 200, { frozen: false });
      case "POST /revoke-tokens":
        tokens.revoke();
        simulation.legacyToken.expiresAt = 0;
        simulation.bearer.revoke();
        return sendJson(res, 200, { revoked: true });
      case "POST /reset-counters":
        simulation.resetCounters();
        return sendJson(res, 200, { reset: true });
      case "POST /change":
        return sendJson(res, 200, { changed: change(simulation, changeBody.parse(json)) });
      case "POST /insert":
        return sendJson(res, 200, { inserted: insert(simulation, insertBody.parse(json)) });
      case "GET /truth": {
        const after = Number(url.searchParams.get("after") ?? 0);
        const limit = Number(url.searchParams.get("limit") ?? Infinity);
        return await sendLines(res, truth(simulation, tableOf(simulation, url.searchParams.get("api")), after, limit));
      }
      case "GET /record": {
        const table = tableOf(simulation, url.searchParams.get("api"));
        const index = table.find(url.searchParams.get("id") ?? "");
        if (!table.isVisible(index)) return sendJson(res, 404, { error: "no such visible record" });
        return send(res, 200, "application/json", store.rowText(table, index));
      }
      case "GET /requests":
        return sendJson(res, 200, { last: log.total, requests: log.since(Number(url.searchParams.get("since") ?? 0)) });
      default:
        return sendJson(res, 404, { error: `no such admin endpoint: ${route}` });
    }
  } catch (error) {
    if (res.headersSent) throw error;
    sendJson(res, 400, { error: error instanceof z.ZodError ? z.prettifyError(error) : String(error) });
  }
}

function tableOf({ store }: Simulation, path: string | null): Collection {
  const table = store.tableOf(path ?? ORDERS.path);
  if (table === undefined) throw new Error(`no such api: ${path}; there are ${store.tables.map((known) => known.table.path).join(", ")}`);
  return table;
}

/** A write, told by its id and the version it was given (a late one is not visible yet). */
interface Written {
  id: string;
  ts: string;
  visible: boolean;
}

function change(simulation: Simulation, { api: path, ids, count }: z.infer<typeof changeBody>): Written[] {
  const { store } = simulation;
  const table = tableOf(simulation, path);
  const wanted = ids?.map((id) => table.find(id));
  const unknown = wanted?.findIndex((index) => !table.isVisible(index)) ?? -1;
  if (unknown >= 0) throw new Error(`no such visible record: ${ids?.[unknown]}`);
  if (wanted === undefined) return store.change(table, count).map((index) => written(simulation, table, index));
  return wanted.map((index) => {
    store.touch(table, index);
    return written(simulation, table, index);
  });
}

function insert(simulation: Simulation, { api: path, count, lateMs }: z.infer<typeof insertBody>): Written[] {
  const table = tableOf(simulation, path);
  return simulation.store.insert(table, count, lateMs).map((index) => written(simulation, table, index));
}

function written({ store }: Simulation, table: Collection, index: number): Written {
  return { id: table.idText(index), ts: store.versionText(table.newestVersionOf(index)), visible: !table.isHidden(index) };
}

function* truth({ store }: Simulation, table: Collection, after: number, limit: number): Generator<string> {
  let left = limit;
  for (const index of inOrder(table, after)) {
    if (left <= 0) return;
    if (!table.isVisible(index)) continue;
    left--;
    const ts = store.versionText(table.versionOf(index));
    const modified = shanghaiText(table.modifiedOf(index));
    const hash = contentHash(Buffer.from(store.rowText(table, index)));
    yield `{"id":${JSON.stringify(table.idText(index))},"ts":"${ts}","modified":"${modified}","hash":"${hash}"}`;
  }
}

/** Rows in the order of their ids. */
function* inOrder(table: Collection, after: number): Generator<number> {
  if (table.table.idText === undefined) {
    for (let index = Math.max(0, table.indexOf(after) + 1); index < table.size; index++) yield index;
    return;
  }
  const ids = Array.from({ length: table.size }, (_, index) => [table.idText(index), index] as const);
  for (const [, index] of ids.sort(([a], [b]) => compareIds(a, b))) yield index;
}

function describe({ store, log, tokens, legacyToken, bearer }: Simulation): unknown {
  return {
    now: new Date(store.now()).toISOString(),
    frozen: store.frozen,
    head: store.head,
    apis: Object.fromEntries(
      store.tables.map((table) => {
        const counts = { live: table.count("live"), archived: table.count("archived"), visible: table.count("both"), rows: table.size };
        return [table.table.path, { ...counts, latePending: table.hiddenCount }];
      }),
    ),
    requests: { total: log.total, answered: log.answered, byPath: log.byPath, byCode: log.byCode, rateRefused: log.rateRefused, faults: log.faults },
    pagesAskedTwice: log.pagesAskedTwice,
    writes: store.counts,
    latePending: store.latePending,
    tokens: tokens.counts,
    legacyToken: { ...legacyToken.counts, expiresAt: new Date(legacyToken.expiresAt).toISOString() },
    bearer: { refreshed: bearer.refreshed },
    settings: shownSettings(store.settings),
  };
}

function shownSettings(settings: JushuitanSettings): unknown {
  const secrets = ["appSecret", "accessToken", "refreshToken", "partnerKey", "legacyToken", "bearerToken"];
  return Object.fromEntries(Object.entries(settings).filter(([name]) => !secrets.includes(name)));
}
