/** At most this many characters of an answer stand in an error. */
export const EXCERPT_LENGTH = 200;

const MASK = "***";
/** Shorter values are no secrets, and masking them would make an error unreadable. */
const SHORTEST_SECRET = 4;
const QUOTES = String.raw`(?:\\|"|'|&quot;|%22|\s)*`;
const NAMED = new RegExp(
  String.raw`((?:access_?token|refresh_?token|app_?key|app_?secret|partner_?key|sign|token)${QUOTES}(?:=|:|%3D|%3A)${QUOTES})[^\\"'&\s,;}<>]+`,
  "gi",
);
/** Tokens, keys and signatures are runs of 32; nothing that a person needs to read in an error is this long. */
const LONG_RUN = /[A-Za-z0-9_-]{24,}/g;

/** Takes known values out of text, also where they are URL-encoded, escaped, or in other case. */
export function withoutValues(text: string, secrets: readonly string[]): string {
  let safe = text;
  for (const secret of secrets) {
    if (secret.length < SHORTEST_SECRET) continue;
    for (const form of new Set([secret, encodeURIComponent(secret), JSON.stringify(secret).slice(1, -1)])) {
      safe = safe.replace(new RegExp(form.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"), "gi"), MASK);
    }
  }
  return safe;
}

/**
 * Takes secrets out of text that came from outside: the known values, whatever stands behind a name such as
 * `access_token`, and every run of letters and digits long enough to be a token or a signature.
 */
export function redact(text: string, secrets: readonly string[]): string {
  return withoutValues(text, secrets).replace(NAMED, `$1${MASK}`).replace(LONG_RUN, MASK);
}

/**
 * What was received, for people: secrets removed, on one line, cut. A JSON answer is shown only up to its first list,
 * since what follows may be order data.
 */
export function excerpt(body: string, secrets: readonly string[]): string {
  const start = body.slice(0, 16_384).trimStart();
  const list = /^[[{]/.test(start) ? start.indexOf("[") : -1;
  const visible = list < 0 ? start : `${start.slice(0, list + 1)}…`;
  const safe = redact(visible, secrets).replace(/\s+/g, " ").trim();
  return safe.length <= EXCERPT_LENGTH ? safe : `${safe.slice(0, EXCERPT_LENGTH - 1)}…`;
}
