import type { RangesView } from "../activities/types.ts";
import type { Pace, PaceSample, Totals } from "./types.ts";

/** How many slices the pace is taken from. */
const SAMPLES = 20;

/** Notes how far a run is, once a slice. @param at workflow time (ms) */
export function notePace(samples: PaceSample[], { slices, counts }: Totals, at: number): void {
  if (samples.at(-1)?.slices === slices) return;
  samples.push({ at, slices, read: counts.read, requests: counts.requests });
  samples.splice(0, samples.length - SAMPLES);
}

/** Records and requests a minute over the latest slices, and how long what is left takes at that; null while that is not known. */
export function paceOf(samples: readonly PaceSample[], { ranges, leftMs }: Pick<RangesView, "ranges" | "leftMs">): Pace {
  const [first, last] = [samples[0], samples.at(-1)];
  const minutes = first === undefined || last === undefined ? 0 : (last.at - first.at) / 60_000;
  const perMinute = (of: "read" | "requests") => (minutes > 0 ? Math.round((last![of] - first![of]) / minutes) : null);
  const recordsPerMinute = perMinute("read");
  // Requests share ranges, so that their own rests must not be added up.
  const known = ranges.filter((range) => range.recordsLeft !== null && range.leftMs > 0);
  const density = known.reduce((sum, range) => sum + range.recordsLeft!, 0) / known.reduce((sum, range) => sum + range.leftMs, 0);
  const recordsLeft = leftMs === 0 ? 0 : Number.isFinite(density) ? Math.round(density * leftMs) : null;
  const timeLeftMs = recordsLeft === 0 ? 0 : recordsLeft === null || recordsPerMinute === null || recordsPerMinute === 0 ? null : Math.round((recordsLeft / recordsPerMinute) * 60_000);
  return { recordsPerMinute, requestsPerMinute: perMinute("requests"), leftMs, recordsLeft, timeLeftMs };
}
