const DIGITS = /^\d+$/;

/** The order in which both simulators list records: ids of digits first, by value; then the others by code units. */
export function compareIds(a: string, b: string): number {
  const numberA = DIGITS.test(a);
  if (numberA !== DIGITS.test(b)) return numberA ? -1 : 1;
  if (numberA && a.length !== b.length) return a.length - b.length;
  return a < b ? -1 : a > b ? 1 : 0;
}
