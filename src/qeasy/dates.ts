import { IANAZone } from "luxon";

/** A date of the calendar without a zone: seconds as if it were UTC, and microseconds beyond them. */
export interface Civil {
  seconds: number;
  micros: number;
  /** False for a date alone. */
  hasTime: boolean;
}

const DAY = 86_400;
const TEXT =
  /^(\d{4})([-/.])(\d{1,2})\2(\d{1,2})(?:[T ]+(\d{1,2}):(\d{1,2})(?::(\d{1,2})(?:[.,](\d{1,9}))?)?\s*(Z|[+-]\d{2}:?\d{2})?)?$/i;
const DIGITS = /^(\d{4})(\d{2})(\d{2})(?:(\d{2})(\d{2})(\d{2}))?$/;
const zones = new Map<string, IANAZone>();

function offsetSeconds(zone: string, epochSeconds: number): number {
  const known = zones.get(zone) ?? IANAZone.create(zone);
  zones.set(zone, known);
  return Math.round(known.offset(epochSeconds * 1000) * 60);
}

/** The calendar's seconds in a zone (IANA name) of an instant (epoch seconds). */
export function civilSeconds(epochSeconds: number, zone: string): number {
  return epochSeconds + offsetSeconds(zone, epochSeconds);
}

/** The instant (epoch seconds) of calendar seconds in a zone; in a gap or overlap, the offset that holds after it. */
export function epochSeconds(civil: number, zone: string): number {
  const near = civil - offsetSeconds(zone, civil);
  return civil - offsetSeconds(zone, near);
}

/** Calendar seconds of a date and a time of day; null when there is no such day or time. */
export function civilOf(year: number, month: number, day: number, hour = 0, minute = 0, second = 0): number | null {
  if (year < 1 || month < 1 || day < 1 || hour > 23 || minute > 59 || second > 59) return null;
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  if (date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day) return null;
  return date.getTime() / 1000 + hour * 3600 + minute * 60 + second;
}

/** A date as text, with `-`, `/` or `.`, or digits alone (8 or 14). A zone that it names is turned into the given one. Null: no such date. */
export function parseCivil(text: string, zone: string): Civil | null {
  const trimmed = text.trim();
  const match = TEXT.exec(trimmed);
  const parts = match === null ? DIGITS.exec(trimmed)?.slice(1) : [match[1], match[3], match[4], match[5], match[6], match[7]];
  if (parts === undefined) return null;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = parts.map((part) => Number(part ?? 0));
  const seconds = civilOf(year, month, day, hour, minute, second);
  if (seconds === null) return null;
  const micros = Number((match?.[8] ?? "").padEnd(6, "0").slice(0, 6));
  const named = match?.[9];
  const shifted = named === undefined ? seconds : civilSeconds(seconds - namedOffset(named), zone);
  return { seconds: shifted, micros, hasTime: parts[3] !== undefined };
}

function namedOffset(zone: string): number {
  if (/^z$/i.test(zone)) return 0;
  const seconds = Number(zone.slice(1, 3)) * 3600 + Number(zone.slice(-2)) * 60;
  return zone.startsWith("-") ? -seconds : seconds;
}

export interface DateParts {
  year: number;
  month: number;
  day: number;
  hour: number;
  minute: number;
  second: number;
  /** Sunday is 0. */
  weekday: number;
  /** From 1. */
  dayOfYear: number;
}

export function partsOf(seconds: number): DateParts {
  const date = new Date(seconds * 1000);
  const year = date.getUTCFullYear();
  const start = civilOf(year, 1, 1) ?? 0;
  return {
    year,
    month: date.getUTCMonth() + 1,
    day: date.getUTCDate(),
    hour: date.getUTCHours(),
    minute: date.getUTCMinutes(),
    second: date.getUTCSeconds(),
    weekday: date.getUTCDay(),
    dayOfYear: Math.floor((seconds - start) / DAY) + 1,
  };
}

export const MONTHS = ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"];
export const WEEKDAYS = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

const two = (number: number): string => String(number).padStart(2, "0");
const twelve = (hour: number): number => (hour % 12 === 0 ? 12 : hour % 12);
const half = (hour: number): string => (hour < 12 ? "AM" : "PM");

/** The day of a week that decides which year and which week of it the week is; weekday 0 is Sunday. */
function deciding(seconds: number, weekday: number, first: number): DateParts {
  const sinceFirst = (partsOf(seconds).weekday - first + 7) % 7;
  return partsOf(seconds + (weekday - sinceFirst) * DAY);
}
const weekOf = ({ dayOfYear }: DateParts): string => two(Math.floor((dayOfYear - 1) / 7) + 1);
const sunday = (seconds: number): DateParts => deciding(seconds, 0, 0);
/** ISO 8601: a week belongs to the year of its Thursday. */
const thursday = (seconds: number): DateParts => deciding(seconds, 3, 1);
const ordinal = (day: number): string => `${day}${(day % 100 > 10 && day % 100 < 14 ? undefined : ["", "st", "nd", "rd"][day % 10]) || "th"}`;

const SPECIFIERS: Record<string, (parts: DateParts, civil: Pick<Civil, "seconds" | "micros">) => string> = {
  Y: ({ year }) => String(year).padStart(4, "0"),
  y: ({ year }) => two(year % 100),
  m: ({ month }) => two(month),
  c: ({ month }) => String(month),
  d: ({ day }) => two(day),
  e: ({ day }) => String(day),
  H: ({ hour }) => two(hour),
  k: ({ hour }) => String(hour),
  h: ({ hour }) => two(twelve(hour)),
  I: ({ hour }) => two(twelve(hour)),
  l: ({ hour }) => String(twelve(hour)),
  i: ({ minute }) => two(minute),
  s: ({ second }) => two(second),
  S: ({ second }) => two(second),
  f: (_, { micros }) => String(micros).padStart(6, "0"),
  p: ({ hour }) => half(hour),
  T: ({ hour, minute, second }) => `${two(hour)}:${two(minute)}:${two(second)}`,
  r: ({ hour, minute, second }) => `${two(twelve(hour))}:${two(minute)}:${two(second)} ${half(hour)}`,
  M: ({ month }) => MONTHS[month - 1]!,
  b: ({ month }) => MONTHS[month - 1]!.slice(0, 3),
  W: ({ weekday }) => WEEKDAYS[weekday]!,
  a: ({ weekday }) => WEEKDAYS[weekday]!.slice(0, 3),
  w: ({ weekday }) => String(weekday),
  j: ({ dayOfYear }) => String(dayOfYear).padStart(3, "0"),
  u: (parts) => two(mondayWeek(parts)),
  U: ({ weekday, dayOfYear }) => two(Math.floor((dayOfYear + 6 - weekday) / 7)),
  V: (_, { seconds }) => weekOf(sunday(seconds)),
  X: (_, { seconds }) => String(sunday(seconds).year).padStart(4, "0"),
  v: (_, { seconds }) => weekOf(thursday(seconds)),
  x: (_, { seconds }) => String(thursday(seconds).year).padStart(4, "0"),
  D: ({ day }) => ordinal(day),
};

/** A date by MySQL's format specifiers; an unknown one stands for its own letter, as there. */
export function formatCivil(civil: Pick<Civil, "seconds" | "micros">, format: string): string {
  const parts = partsOf(civil.seconds);
  return format.replaceAll(/%([\s\S])/g, (_, letter: string) => SPECIFIERS[letter]?.(parts, civil) ?? letter);
}

/** Week of the year, Monday first, 00 to 53: week 1 is the first with more than three days (MySQL's mode 1). */
function mondayWeek({ weekday, dayOfYear }: DateParts): number {
  const newYear = (((((weekday + 6) % 7) - (dayOfYear - 1)) % 7) + 7) % 7; // 0: January 1st is a Monday
  const first = newYear <= 3 ? -newYear : 7 - newYear;
  return Math.floor((dayOfYear - 1 - first) / 7) + 1;
}

const FORMATS: Record<string, string> = { datetime: "%Y-%m-%d %H:%i:%s", date: "%Y-%m-%d", time: "%H:%i:%s" };
export const FILTERS = [...Object.keys(FORMATS), "timestamp", "timestamp_ms"];

/** An instant (epoch ms) by one of the filters, whose name is in lower case. */
export function filterInstant(epochMs: number, filter: string, zone: string): string | number {
  if (filter === "timestamp_ms") return epochMs;
  const seconds = Math.floor(epochMs / 1000);
  const format = FORMATS[filter];
  return format === undefined ? seconds : formatCivil({ seconds: civilSeconds(seconds, zone), micros: 0 }, format);
}

/** Epoch ms of a value of a row: seconds, 13-digit milliseconds, or a date as text in the zone. Null: none of them. */
export function instantOf(value: string, zone: string): number | null {
  if (/^\d{13}$/.test(value)) return Number(value);
  if (/^\d{1,11}(?:\.\d+)?$/.test(value) && !DIGITS.test(value)) return Math.floor(Number(value) * 1000);
  const civil = parseCivil(value, zone);
  return civil === null ? null : epochSeconds(civil.seconds, zone) * 1000 + Math.floor(civil.micros / 1000);
}
