import { createHash } from "node:crypto";
import { REFUSALS, type Refusal } from "./codes.ts";
import type { JushuitanSettings } from "./options.ts";

/** The sign of a form: secret in front, then each non-empty field but `sign` as key and value, keys in byte order; MD5, hex. */
export function signOf(fields: ReadonlyMap<string, string>, secret: string): string {
  const keys = [...fields.keys()].filter((key) => key !== "" && key !== "sign" && fields.get(key) !== "");
  const sorted = keys.sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  return createHash("md5").update(secret + sorted.map((key) => key + (fields.get(key) ?? "")).join("")).digest("hex");
}

/** What the gateway checks of every call before it looks at the token: signature, app, timestamp. Null = passed. */
export function checkForm(fields: ReadonlyMap<string, string>, settings: JushuitanSettings, nowMs: number): Refusal | null {
  if (fields.size === 0) return REFUSALS.empty;
  if (fields.get("app_key") !== settings.appKey || fields.get("sign") !== signOf(fields, settings.appSecret)) return REFUSALS.sign;
  const timestamp = fields.get("timestamp") ?? "";
  if (!/^\d{1,12}$/.test(timestamp)) return REFUSALS.timestamp;
  return Math.abs(Number(timestamp) * 1000 - nowMs) > settings.timestampSkewSeconds * 1000 ? REFUSALS.timestamp : null;
}

/** The account's request limits over all interfaces: sliding windows by arrival; refused requests use nothing up. */
export class RateLimiter {
  private arrivals: number[] = [];

  /** Takes a request that arrives at `atMs` (a clock that never goes back), or says which limit it breaks. */
  take(atMs: number, perSecond: number | null, perMinute: number | null): Refusal | null {
    while ((this.arrivals[0] ?? Infinity) <= atMs - 60_000) this.arrivals.shift();
    if (perSecond !== null) {
      const oldest = this.arrivals.at(-perSecond);
      if (oldest !== undefined && oldest > atMs - 1000) return REFUSALS.perSecond;
    }
    if (perMinute !== null && this.arrivals.length >= perMinute) return REFUSALS.perMinute;
    if (perSecond !== null || perMinute !== null) this.arrivals.push(atMs);
    return null;
  }
}
