import { createHmac } from "node:crypto";
import type { Mask } from "./types.ts";

const KEPT = { all: { start: 0, end: 0 }, name: { start: 1, end: 0 }, phone: { start: 3, end: 4 } } as const;

/**
 * Personal text made unreadable: `hash` is HMAC-SHA-256 in hex, equal for equal texts; the others leave some characters at
 * the start and the end and put `*` for the rest. A text that is no longer than what would be left becomes stars altogether.
 */
export function masked(text: string, mask: Mask, hashKey: string): string {
  if (mask === "hash") return createHmac("sha256", hashKey).update(text).digest("hex");
  if (mask === "all") return "***";
  const { start, end } = typeof mask === "string" ? KEPT[mask] : mask;
  const letters = Array.from(text);
  if (letters.length <= start + end) return "*".repeat(letters.length);
  return [...letters.slice(0, start), "*".repeat(letters.length - start - end), ...letters.slice(letters.length - end)].join("");
}
