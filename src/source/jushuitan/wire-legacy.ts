import { createHash } from "node:crypto";
import type { LegacyAccount } from "../../config/types.ts";
import { readEnvelope } from "./envelope.ts";
import { present, type Wire } from "./wire.ts";

/** Content type of the requests whose parameters are a JSON body. */
export const JSON_TYPE = "application/json";

/** What the old platform's signature covers. */
export interface LegacySigned {
  method: string;
  partnerId: string;
  token: string;
  /** Unix seconds, decimal. */
  ts: string;
}

/**
 * The old platform's signature: method, partner id, then `token` and `ts` with their keys, then the partner key; MD5 of the
 * UTF-8 bytes in lower-case hex. The body is not signed.
 */
export function signLegacy({ method, partnerId, token, ts }: LegacySigned, partnerKey: string): string {
  return createHash("md5").update(`${method}${partnerId}token${token}ts${ts}${partnerKey}`, "utf8").digest("hex");
}

/** The old platform: a signed address, and the business parameters as a JSON body. */
export function legacyWire({ baseUrl, partnerId, partnerKey, token: seed }: LegacyAccount): Wire {
  return {
    secrets: present([partnerId, partnerKey, seed]),
    nameOf: ({ path, method }) => method ?? path,
    write({ path, method, biz }, token, ts) {
      if (method == null || token === null) throw new TypeError(`${path} cannot be asked of the old platform`);
      const sign = signLegacy({ method, partnerId, token, ts }, partnerKey);
      const query = Object.entries({ method, partnerid: partnerId, token, ts, sign }).map(([key, value]) => `${key}=${encodeURIComponent(value)}`);
      return { url: `${baseUrl}?${query.join("&")}`, body: biz ?? "{}", headers: { "Content-Type": JSON_TYPE }, secrets: [sign] };
    },
    read(text) {
      const envelope = readEnvelope(text);
      return typeof envelope === "object" && envelope.code === 0 && envelope.success === null ? "code 0 without a readable `issuccess`" : envelope;
    },
  };
}
