import { SingleBar } from "cli-progress";
import Table from "cli-table3";
import pc from "picocolors";
import type { Pace } from "../../workflows/types.ts";
import { countOf } from "../sync/labels.ts";
import type { RemapStatus } from "../sync/remaps.ts";

/** How far a wait is. */
export interface ProgressView {
  records: number;
  pages: number;
  /** 0 to 1; null when unknown. */
  share: number | null;
  /** Modified time that is still to be read (ms); null when unknown. */
  leftMs: number | null;
}

/** A bar on standard error. */
export interface Progress {
  show(view: ProgressView): void;
  end(): void;
}

/** Colours for standard error, which may be a terminal when standard output is not. */
export const stderrColors = pc.createColors(pc.isColorSupported && process.stderr.isTTY);

/** A line to standard error, where everything goes that is not the command's answer. */
export function say(text: string): void {
  process.stderr.write(`${text}\n`);
}

/** Rows under headings, as wide as they need. */
export function table(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const table = new Table({
    head: head.map((title) => pc.bold(title)),
    chars: { top: "", "top-mid": "", "top-left": "", "top-right": "", bottom: "", "bottom-mid": "", "bottom-left": "", "bottom-right": "", left: "", "left-mid": "", mid: "", "mid-mid": "", right: "", "right-mid": "", middle: "  " },
    style: { head: [], border: [], "padding-left": 0, "padding-right": 0 },
    colAligns: head.map((_, column) => (rows.length > 0 && rows.every((row) => typeof row[column] === "number") ? "right" : "left")),
  });
  table.push(...rows.map((row) => row.map((cell) => (typeof cell === "number" ? formatCount(cell) : cell))));
  return table.toString();
}

/** Labels and values, one pair a line. */
export function list(pairs: readonly (readonly [string, string])[]): string {
  const width = Math.max(...pairs.map(([label]) => label.length));
  return pairs.map(([label, value]) => `${pc.dim(label.padEnd(width))}  ${value}`).join("\n");
}

/** `12,345`. */
export function formatCount(count: number): string {
  return count.toLocaleString("en-US");
}

/** `512 B`, `1.5 MB`: powers of 1,000. */
export function formatBytes(bytes: number): string {
  const units = [["GB", 1e9], ["MB", 1e6], ["kB", 1e3]] as const;
  const unit = units.find(([, size]) => bytes >= size);
  return unit === undefined ? `${bytes} B` : `${Number((bytes / unit[1]).toPrecision(2))} ${unit[0]}`;
}

/** `3 s`, `12 min`, `5 h`, `2 d`: the largest unit that holds the whole. @param ms milliseconds */
export function formatSpan(ms: number): string {
  const units = [["d", 86_400_000], ["h", 3_600_000], ["min", 60_000], ["s", 1_000]] as const;
  const [unit, size] = units.find(([, size]) => ms >= size) ?? units[3];
  return `${Math.round(ms / size)} ${unit}`;
}

/** The columns of a remap, behind its first. */
export const REMAP_COLUMNS = ["from", "to", "state", "done", "read", "loaded"];

export function remapCells({ from, to, state, percent, read, loaded }: RemapStatus): (string | number)[] {
  return [from ?? "-", to ?? "-", state, `${percent} %`, read, loaded];
}

/** How fast a backfill goes and what is left, as far as it is known: labels and values. */
export function paceOf({ recordsPerMinute, requestsPerMinute, recordsLeft, timeLeftMs }: Omit<Pace, "leftMs">): (readonly [string, string])[] {
  return [
    ...(recordsPerMinute === null ? [] : [["pace", `${countOf(recordsPerMinute, "record")} and ${countOf(requestsPerMinute ?? 0, "request")} a minute`] as const]),
    ...(recordsLeft === null ? [] : [["left", `about ${countOf(recordsLeft, "record")}${timeLeftMs === null ? "" : `, ${formatSpan(timeLeftMs)}`}`] as const]),
  ];
}

/** A progress bar; nothing where standard error is no terminal, since it would fill a log. */
export function openProgress(): Progress {
  if (!process.stderr.isTTY) return { show: () => undefined, end: () => undefined };
  const began = performance.now();
  const bar = new SingleBar({ format: "{bar} {percent}  {records} records  {pages} pages  {rate} records/s  {left}", barCompleteChar: "█", barIncompleteChar: "░", hideCursor: true, stream: process.stderr, clearOnComplete: true });
  bar.start(1, 0, { ...figures({ records: 0, pages: 0, share: null, leftMs: null }, 0) });
  return {
    show: (view) => bar.update(view.share ?? 0, figures(view, performance.now() - began)),
    end: () => bar.stop(),
  };
}

/** What stands beside the bar. @param ms since the wait began */
export function figures({ records, pages, share, leftMs }: ProgressView, ms: number): Record<"percent" | "records" | "pages" | "rate" | "left", string> {
  // Orders lie unevenly in time, so what is left of it says nothing of how long the reading takes.
  const left = leftMs === null || leftMs < 1_000 ? "" : `${formatSpan(leftMs)} of modified time left`;
  return {
    percent: share === null ? "" : `${Math.floor(share * 100)} %`,
    records: formatCount(records), pages: formatCount(pages),
    rate: formatCount(Math.round(records / Math.max(1, ms / 1000))), left,
  };
}
