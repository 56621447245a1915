import { connect, createServer, type Socket } from "node:net";
import type { AddressInfo } from "node:net";

/** A TCP connection's way through a network that can fail. */
export interface Link {
  /** host:port to connect to instead of the server's own. */
  address: string;
  /** Nothing passes; what is under way arrives once it is mended. New connections are taken but lead nowhere. */
  stall(): void;
  mend(): void;
  /** All connections break. */
  reset(): void;
  close(): Promise<void>;
}

/** Relays to a server (host:port) over a free port of the loopback. */
export async function startLink(server: string): Promise<Link> {
  const { hostname, port } = new URL(`tcp://${server}`);
  const pairs = new Set<[Socket, Socket]>();
  let stalled = false;
  const flow = ([near, far]: [Socket, Socket]) => {
    near.pipe(far);
    far.pipe(near);
  };
  const relay = createServer({ pauseOnConnect: true }, (near) => {
    const pair: [Socket, Socket] = [near, connect({ host: hostname, port: Number(port) })];
    pairs.add(pair);
    for (const socket of pair) {
      socket.on("error", () => undefined);
      socket.on("close", () => {
        pairs.delete(pair);
        for (const other of pair) other.destroy();
      });
    }
    if (!stalled) flow(pair);
  });
  await new Promise<void>((resolve) => relay.listen(0, "127.0.0.1", resolve));
  const destroyAll = () => {
    for (const [near] of pairs) near.resetAndDestroy();
  };
  return {
    address: `127.0.0.1:${(relay.address() as AddressInfo).port}`,
    stall() {
      stalled = true;
      for (const [near, far] of pairs) {
        for (const socket of [near.unpipe(far), far.unpipe(near)]) socket.pause();
      }
    },
    mend() {
      stalled = false;
      for (const pair of pairs) flow(pair);
    },
    reset: destroyAll,
    close() {
      destroyAll();
      return new Promise((resolve) => relay.close(() => resolve()));
    },
  };
}
