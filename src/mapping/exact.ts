/** Decimal arithmetic on texts, exact: what expressions reckon money with. */

interface Exact {
  digits: bigint;
  /** How many of them are behind the point. */
  scale: number;
}

const NUMBER = /^(-?)(\d{1,100})(?:\.(\d{1,100}))?$/;

/** @throws RangeError for what is no plain decimal number */
function exact(value: unknown): Exact {
  const text = typeof value === "number" || typeof value === "bigint" || typeof value === "string" ? String(value).trim() : "";
  const [, sign, whole, fraction = ""] = NUMBER.exec(text) ?? [];
  if (whole === undefined) throw new RangeError("a value is no decimal number");
  return { digits: BigInt(`${sign}${whole}${fraction}`), scale: fraction.length };
}

function written({ digits, scale }: Exact): string {
  const text = String(digits < 0n ? -digits : digits).padStart(scale + 1, "0");
  return `${digits < 0n ? "-" : ""}${text.slice(0, text.length - scale)}${scale === 0 ? "" : `.${text.slice(-scale)}`}`;
}

function sameScale(a: Exact, b: Exact): { a: bigint; b: bigint; scale: number } {
  const scale = Math.max(a.scale, b.scale);
  const widened = ({ digits, scale: own }: Exact) => digits * 10n ** BigInt(scale - own);
  return { a: widened(a), b: widened(b), scale };
}

export function plus(a: unknown, b: unknown): string {
  const { a: one, b: other, scale } = sameScale(exact(a), exact(b));
  return written({ digits: one + other, scale });
}

export function minus(a: unknown, b: unknown): string {
  const { a: one, b: other, scale } = sameScale(exact(a), exact(b));
  return written({ digits: one - other, scale });
}

export function times(a: unknown, b: unknown): string {
  const [one, other] = [exact(a), exact(b)];
  return written({ digits: one.digits * other.digits, scale: one.scale + other.scale });
}

/** The sum of a list; values that are null or empty text count for nothing. */
export function sum(values: readonly unknown[]): string {
  return values.filter((value) => value !== null && value !== "").reduce<string>(plus, "0");
}

/** Rounded to `scale` digits behind the point, halves away from zero; filled up with zeros. */
export function round(value: unknown, scale: unknown): string {
  const [number, places] = [exact(value), Number(scale)];
  if (!Number.isInteger(places) || places < 0 || places > 100) throw new RangeError("round wants 0 to 100 digits behind the point");
  if (number.scale <= places) return written({ digits: number.digits * 10n ** BigInt(places - number.scale), scale: places });
  const unit = 10n ** BigInt(number.scale - places);
  const half = number.digits < 0n ? -unit / 2n : unit / 2n;
  return written({ digits: (number.digits + half) / unit, scale: places });
}
