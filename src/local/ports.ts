import os from "node:os";
import path from "node:path";
import getPort from "get-port";
import { withLock } from "./lock.js";

/** A free port on the loopback address: the preferred one when nothing listens there, else any; 0 means any. */
export type PickPort = (preferred: number) => Promise<number>;

const pick: PickPort = (preferred) => (preferred === 0 ? getPort({ host: "127.0.0.1" }) : getPort({ host: "127.0.0.1", port: preferred }));

/**
 * Starts a server on ports that were free a moment ago; when another program was quicker, again on any ports.
 * Starts on the usual ports come one after the other: two at once would choose the same.
 * @param kind names the lock: `temporal`, `postgres`
 * @param usual whether a usual port is preferred at all
 * @param start picks its ports, and resolves when the server listens
 */
export async function onFreePorts<T>(kind: string, usual: boolean, start: (pick: PickPort) => Promise<T>): Promise<T> {
  const attempt = usual ? () => withLock(path.join(os.tmpdir(), `tidemark-${kind}-${os.userInfo().username}.lock`), () => start(pick), { timeoutMs: 180_000 }) : () => start(pick);
  try {
    return await attempt();
  } catch (error) {
    if (!(error instanceof Error) || !/address already in use|EADDRINUSE/i.test(error.message)) throw error;
    return await start(() => pick(0));
  }
}
