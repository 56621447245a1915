import { formatInstant } from "../source/time.ts";
import type { Slice } from "../store/slices.ts";
import type { Stream } from "../store/streams.ts";

export { formatInstant };

/** `1 window`, `12,345 windows`. */
export function countOf(count: number, one: string): string {
  return `${count.toLocaleString("en-US")} ${one}${count === 1 ? "" : "s"}`;
}

/** Up to where everything is committed: a version, or an ISO 8601 time. */
export function checkpointOf(stream: Pick<Stream, "cursor" | "checkpointVersion" | "checkpointAt">): string | null {
  return stream.cursor === "version" ? stream.checkpointVersion : formatInstant(stream.checkpointAt);
}

/** What a slice reads, for people. */
export function sliceLabel(slice: Slice): { label: string; from: string | null; to: string | null } {
  if (slice.kind === "rows" && slice.purpose === "forward") return { label: "forward: one call", from: null, to: formatInstant(slice.endVersion === null ? null : Number(slice.endVersion)) };
  if (slice.purpose === "remap") return { label: "remap: kept rows, mapped anew", from: null, to: null };
  if (slice.kind === "rows") return { label: `${slice.purpose}: records out of quarantine`, from: null, to: null };
  if (slice.kind === "snapshot") return { label: `${slice.purpose}: all that the API has`, from: null, to: null };
  if (slice.kind === "version") {
    const to = slice.endVersion ?? slice.toVersion;
    return { label: `${slice.purpose}: versions from ${slice.fromVersion}${to === null ? "" : ` to ${to}`}${slice.archive ? " (archive)" : ""}`, from: slice.fromVersion!, to };
  }
  const from = formatInstant(slice.fromAt)!;
  const to = formatInstant(slice.toAt)!;
  return { label: `${slice.purpose}: modified ${from} to ${to}${slice.archive ? " (archive)" : ""}`, from, to };
}
