import { listen } from "../http.ts";
import { handleAdmin } from "./admin.ts";
import { parseOptions, type QeasyOptions } from "./options.ts";
import type { RecordStore } from "./records.ts";
import { Simulation } from "./simulation.ts";
import { handleWrite } from "./write.ts";

export type { QeasyOptions } from "./options.ts";

/** A running Qeasy simulator. */
export interface QeasySimulator {
  /** `http://127.0.0.1:PORT`, both for `/api/<interface>` and for `/_admin/`. */
  url: string;
  port: number;
  /** The records held, for tests in the same process. */
  store: RecordStore;
  /** Ends all connections. */
  close(): Promise<void>;
}

/**
 * Starts a simulated Qeasy on 127.0.0.1: the write interface, which keeps the text that came last for each id, with refusals
 * and faults.
 * @throws ZodError when an option is wrong
 */
export async function startQeasy(options: QeasyOptions = {}): Promise<QeasySimulator> {
  const settings = parseOptions(options);
  const simulation = new Simulation(settings);
  const listening = await listen(settings, async (req, res) => {
    const url = new URL(req.url ?? "/", "http://simulator");
    if (url.pathname.startsWith("/_admin/")) return handleAdmin(simulation, url, req, res);
    return handleWrite(simulation, interfaceName(url.pathname), req, res);
  });
  return { ...listening, store: simulation.records };
}

/** The name behind `/api/`, percent-encoded UTF-8 or not; null for any other path. */
function interfaceName(path: string): string | null {
  if (!path.startsWith("/api/")) return null;
  try {
    return decodeURIComponent(path.slice("/api/".length)).normalize("NFC");
  } catch {
    return null;
  }
}
