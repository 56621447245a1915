import type { StateDocument } from "../../store/state-document.ts";
import type { StateEffect } from "../../store/state-effect.ts";
import type { Gap } from "../../store/gaps.ts";
import { countOf, formatInstant } from "../../sync/labels.ts";
import { formatCount, list, table } from "../output.ts";

/** A state for people. @param unread what of its gaps is open still */
export function stateText({ pipeline, cursor, checkpoint, checkpointModified, provenAt, startedAt, pairs, sweeps, ranges, gaps, quarantine, revision }: StateDocument, unread: readonly Gap[]): string {
  const open = ranges.filter(({ state }) => state === "open" || state === "planned");
  const sweep = sweeps.find(({ completedAt }) => completedAt === null);
  return [
    list([
      ["pipeline", pipeline], ["cursor", cursor],
      ["checkpoint", cursor === "window" ? (checkpoint.at ?? "-") : `${checkpoint.version ?? "-"}${checkpointModified === null ? "" : `, modified ${checkpointModified}`}`],
      ...(provenAt === null ? [] : [["proven up to", provenAt] as const]),
      ["begun", startedAt],
      ["pairs", pairs.length === 0 ? "none" : `${formatCount(pairs.length)}: from ${pairs[0]!.version} at ${pairs[0]!.at} to ${pairs.at(-1)!.version} at ${pairs.at(-1)!.at}`],
      ["last sweep", sweeps.find(({ completedAt }) => completedAt !== null)?.startedAt ?? "-"],
      ...(sweep === undefined ? [] : [["sweep under way", `from ${sweep.from} to ${sweep.to}, read up to ${sweep.next}`] as const]),
      ["quarantined", formatCount(quarantine.filter(({ state }) => state === "open").length)],
      ...(gaps.length === 0 ? [] : [["accepted gaps", unread.length === 0 ? `${formatCount(gaps.length)}, all read or verified since` : `${formatCount(gaps.length)}; unread still: see below`] as const]),
      ["revision", revision],
    ]),
    ...(open.length === 0 ? [] : ["", table(["no", "range", "from", "to", "next", "archive", "not before"], open.map((one) => [one.no, one.purpose, one.from, one.to, one.next, one.archive ? "yes" : "", one.notBefore]))]),
    ...(unread.length === 0 ? [] : ["", table(["gap from", "to", "accepted", "because"], unread.map((one) => [formatInstant(one.from)!, formatInstant(one.to)!, formatInstant(one.acceptedAt)!, one.because]))]),
  ].join("\n");
}

/** What a change means, for people. */
export function effectText({ checkpoint, pairs, sweepAnew, cancelled, gaps }: StateEffect): string {
  const moved = checkpoint === null ? [] : checkpoint.direction === "back"
    ? [`The checkpoint goes back from ${checkpoint.from} to ${checkpoint.to}. Read again: ${held(checkpoint)} and what the index lacks there, with about ${countOf(checkpoint.requests, "request")}. Versions that the index holds are not sent again.`]
    : [`The checkpoint goes forward from ${checkpoint.from} to ${checkpoint.to}. What lies between is not read; the index holds ${held(checkpoint)} of it.`];
  return [
    ...moved,
    ...(pairs === 0 ? [] : [`${countOf(pairs, "pair")} ${pairs === 1 ? "is" : "are"} taken out: the next sweep begins earlier.`]),
    ...(sweepAnew ? ["The sweep under way begins anew."] : []),
    ...cancelled.map(({ purpose, from, to }) => `The ${purpose} range from ${formatInstant(from)} to ${formatInstant(to)} is not read further.`),
    ...gaps.map(({ from, to }) => `Skipped, and shown as a gap until it was read or verified: everything modified from ${formatInstant(from)} to ${formatInstant(to)}.`),
  ].join("\n");
}

function held({ records, modifiedFrom, modifiedTo }: NonNullable<StateEffect["checkpoint"]>): string {
  const times = records === 0 || modifiedFrom === null || modifiedTo === null ? "" : `, modified from ${formatInstant(modifiedFrom)} to ${formatInstant(modifiedTo)}`;
  return `${countOf(records, "record")}${times}`;
}

/** The same for programs. */
export function effectJson({ checkpoint, pairs, sweepAnew, cancelled, gaps }: StateEffect): object {
  const times = ({ from, to }: { from: number; to: number }) => ({ from: formatInstant(from), to: formatInstant(to) });
  return {
    checkpoint: checkpoint === null ? null : { ...checkpoint, modifiedFrom: formatInstant(checkpoint.modifiedFrom), modifiedTo: formatInstant(checkpoint.modifiedTo) },
    pairs, sweepAnew, cancelled: cancelled.map((one) => ({ purpose: one.purpose, ...times(one) })), gaps: gaps.map(times),
  };
}
