import { setMaxListeners } from "node:events";

/** A signal that ends with another one, or for a reason of its own. */
export interface LinkedSignal {
  signal: AbortSignal;
  abort: (reason: unknown) => void;
  /** Lets go of the other one, once nothing waits any more. */
  release: () => void;
}

/** In the place of `AbortSignal.any`: with that, Node 20's garbage collector takes time limits away, and keeps for ever what still listens. */
export function linkedTo(other: AbortSignal): LinkedSignal {
  const own = new AbortController();
  setMaxListeners(0, own.signal);
  const follow = () => own.abort(other.reason);
  if (other.aborted) follow();
  else other.addEventListener("abort", follow, { once: true });
  return { signal: own.signal, abort: (reason) => own.abort(reason), release: () => other.removeEventListener("abort", follow) };
}
