import { notice, type Report } from "./notice.ts";
import type { Side } from "./paste.ts";
import { isMembers, newMembers, type Value } from "./value.ts";

const NAME = /(?:token|secret|passw|pwd|appkey|app_key|apikey|api_key|authorization|credential)/i;

/** Whether a text can be a credential: a template or a function is none, nor is a page's `1`. */
function isSecret(name: string, value: Value | undefined): boolean {
  return NAME.test(name) && typeof value === "string" && value.length > 3 && !/\{\{|^_(?:function|findCollection|mongoQuery) /.test(value);
}

/** Reports entries and members of `request` and `otherRequest` that look like credentials. */
export function reportSecrets(json: Value, side: Side, report: Report): void {
  walk(json, (name) => report(notice("TM_QEASY_SECRET", side, JSON.stringify(name))));
}

/** Whether a value has something that looks like a credential. */
export function holdsSecret(json: Value): boolean {
  let found = false;
  walk(json, () => (found = true));
  return found;
}

/** The strategy with its credentials masked: for screens, logs and exports that leave the house. */
export function maskSecrets(json: Value): Value {
  return walk(json, () => undefined);
}

function walk(value: Value, found: (name: string) => void): Value {
  if (Array.isArray(value)) return value.map((item) => walk(item, found));
  if (!isMembers(value)) return value;
  const copy = newMembers();
  const entry = typeof value.field === "string" ? value.field : undefined;
  for (const [key, held] of Object.entries(value)) {
    const secret = isSecret(key, held) || (entry !== undefined && (key === "value" || key === "default") && isSecret(entry, held));
    if (secret) found(entry ?? key);
    copy[key] = secret ? "***" : walk(held, found);
  }
  return copy;
}
