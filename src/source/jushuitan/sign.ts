import { createHash } from "node:crypto";

/** The fields of a request before its form is written, values raw (not URL-encoded). */
export type FormFields = Readonly<Record<string, string>>;

/** The fields that are sent, by key in byte order; empty ones are never sent, so whether they are signed does not arise. */
export function sortedFields(fields: FormFields): [string, string][] {
  return Object.entries(fields)
    .filter(([key, value]) => key !== "" && value !== "" && key !== "sign")
    .sort(([a], [b]) => (a < b ? -1 : 1));
}

/**
 * The new platform's signature: secret, then key and value of each field sorted by key, raw and without separators;
 * MD5 of the UTF-8 bytes in lower-case hex. Source: the platform's signing rule, and several integrators' clients.
 */
export function sign(fields: FormFields, appSecret: string): string {
  const text = sortedFields(fields).map(([key, value]) => key + value).join("");
  return createHash("md5").update(appSecret + text, "utf8").digest("hex");
}
