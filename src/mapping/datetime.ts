import { DateTime } from "luxon";
import { parseShanghai } from "../source/time.ts";
import type { FieldMapping } from "./types.ts";

const SOURCE_ZONE = "Asia/Shanghai";

/** Times that stand for "none": 0000-00-00, 0001-01-01, 1900-01-01. */
const PLACEHOLDER = /^(0000-00-00|0001-01-01|1900-01-01)/;

/** @returns whether a text only stands for a missing time */
export function isNoTime(text: string): boolean {
  return PLACEHOLDER.test(text);
}

/** What reads a time as the field's source writes it: text to epoch ms UTC, null when it is none. */
export function timeReader({ format, zone = SOURCE_ZONE }: FieldMapping): (text: string) => number | null {
  if (format === "epoch-ms" || format === "epoch-s") {
    const unit = format === "epoch-s" ? 1_000 : 1;
    return (text) => (/^-?\d{1,15}(\.\d+)?$/.test(text) ? Math.round(Number(text) * unit) : null);
  }
  if (format === undefined && zone === SOURCE_ZONE) return parseShanghai;
  return (text) => {
    const time = format === undefined ? DateTime.fromISO(text.replace(" ", "T"), { zone }) : DateTime.fromFormat(text, format, { zone, locale: "en-US" });
    return time.isValid ? time.toMillis() : null;
  };
}

/** What writes a time (epoch ms UTC) as the target wants it: a JSON value. */
export function timeWriter({ to = "iso", toZone = "UTC" }: FieldMapping): (ms: number) => string {
  if (to === "epoch-ms") return String;
  if (to === "epoch-s") return (ms) => String(Math.floor(ms / 1_000));
  if (to === "iso" && toZone === "UTC") return (ms) => JSON.stringify(new Date(ms).toISOString().replace(".000Z", "Z"));
  return (ms) => {
    const time = DateTime.fromMillis(ms, { zone: toZone, locale: "en-US" });
    return JSON.stringify(to === "iso" ? time.toISO({ suppressMilliseconds: true }) : time.toFormat(to));
  };
}
