import { z } from "zod";
import type { Random } from "./random.ts";

/** Part of the requests that a fault befalls, from 0 (none) to 1 (all). */
export const share = z.number().min(0).max(1);

/** Answers that come late: this part of them, by this many milliseconds. */
export const slow = z.strictObject({ share, ms: z.int().min(0) });

/** Milliseconds from arrival to answer: fixed, or evenly spread between two bounds. */
export const latency = z.union([z.int().min(0), z.strictObject({ minMs: z.int().min(0), maxMs: z.int().min(0) })]);

/** A latency's milliseconds for one request. */
export function latencyOf(value: z.infer<typeof latency>, random: Random): number {
  return typeof value === "number" ? value : random.between(value.minMs, Math.max(value.minMs, value.maxMs));
}

/**
 * Decides which fault befalls a request, if any: one draw over the shares laid end to end, so at most one fault a request, and
 * the same faults whenever the seed and the order of requests are the same. Shares beyond a sum of 1 never come up.
 */
export function drawFault<Kind extends string>(shares: Partial<Record<Kind, number | undefined>>, random: Random): Kind | null {
  let draw = random.next();
  for (const [kind, part] of Object.entries(shares) as [Kind, number | undefined][]) {
    draw -= part ?? 0;
    if (draw < 0) return kind;
  }
  return null;
}

/** Counts things by name. */
export class Tally {
  private readonly counts = new Map<string, number>();

  add(name: string, by = 1): void {
    this.counts.set(name, (this.counts.get(name) ?? 0) + by);
  }

  clear(): void {
    this.counts.clear();
  }

  toJSON(): Record<string, number> {
    return Object.fromEntries(this.counts);
  }
}
