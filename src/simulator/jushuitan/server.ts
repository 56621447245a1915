import { listen } from "../http.ts";
import { handleAdmin } from "./admin.ts";
import { BEARER_PATH, bearerSpeech } from "./bearer.ts";
import { LEGACY_PATH, legacySpeech } from "./legacy.ts";
import { appSpeech, handleOpen } from "./open.ts";
import { type JushuitanOptions, parseOptions } from "./options.ts";
import { Simulation } from "./simulation.ts";
import type { Store } from "./store.ts";
import { TABLES } from "./tables/index.ts";
import { AUTH_PATHS } from "./tokens.ts";

export type { JushuitanOptions } from "./options.ts";

/** A running Jushuitan simulator. */
export interface JushuitanSimulator {
  /** `http://127.0.0.1:PORT`, both for the platform's interfaces and for `/_admin/`. */
  url: string;
  port: number;
  /** The data, for tests in the same process. */
  store: Store;
  /** Ends all connections. */
  close(): Promise<void>;
}

/**
 * Starts a simulated Jushuitan on 127.0.0.1: orders, outbound documents, the other interfaces and tokens on the real wire,
 * with signatures, request limits, data that changes between requests, and faults. It speaks as the new open platform, as the old one
 * (query.aspx) and in the simple form of refresh.token, over the same data and the same limits.
 * @throws ZodError when an option is wrong
 */
export async function startJushuitan(options: JushuitanOptions = {}): Promise<JushuitanSimulator> {
  const settings = parseOptions(options);
  const simulation = new Simulation(settings);
  const paths = new Set<string>([...AUTH_PATHS, ...TABLES.keys(), ...simulation.store.tables.map(({ table }) => table.path)]);
  const listening = await listen(settings, async (req, res) => {
    const url = new URL(req.url ?? "/", "http://simulator");
    if (url.pathname.startsWith("/_admin/")) return handleAdmin(simulation, url, req, res);
    if (req.method === "POST" && paths.has(url.pathname)) return handleOpen(simulation, appSpeech(simulation, url), req, res);
    if (req.method === "POST" && url.pathname === LEGACY_PATH) return handleOpen(simulation, legacySpeech(simulation, url), req, res);
    if (req.method === "POST" && url.pathname === BEARER_PATH) return handleOpen(simulation, bearerSpeech(simulation, req), req, res);
    res.writeHead(req.method === "POST" ? 404 : 405).end();
  });
  return {
    ...listening,
    store: simulation.store,
    close() {
      simulation.stop();
      return listening.close();
    },
  };
}
