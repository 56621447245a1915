import type { SqlFunction } from "./functions.ts";
import { characters, Decimal, fixed, FunctionError, parseNumber, sqlNumber, toDate, toInteger, toNumber, toText, type Sql, type SqlNumber } from "./values.ts";

/** Rounds to `digits` decimals, which may be negative; whole numbers stay whole. */
function rounded(value: SqlNumber, digits: number, rounding: 0 | 1 | 2 | 3 | 4): SqlNumber {
  const places = Math.max(-400, Math.min(digits, 30));
  const number = places >= 0 ? value.number.toDecimalPlaces(places, rounding) : value.number.div(`1e${-places}`).toDecimalPlaces(0, rounding).mul(`1e${-places}`);
  return sqlNumber(number, value.scale === 0 ? 0 : places);
}

function power(base: SqlNumber, exponent: SqlNumber): SqlNumber {
  if (base.number.isZero() && exponent.number.isNegative()) throw new FunctionError("0 to a negative power");
  const size = base.number.isZero() ? 0 : base.number.abs().log(10).mul(exponent.number).toNumber();
  if (size < -308) return sqlNumber(0, null);
  if (!(size <= 308)) throw new FunctionError("a number is out of range");
  return sqlNumber(base.number.pow(exponent.number), null);
}

function cast(value: Exclude<Sql, null>, type: string, sizes: number[], zone: string): Sql {
  if (type === "CHAR" || type === "VARCHAR" || type === "NCHAR") {
    return sizes[0] === undefined ? toText(value) : characters(toText(value)).slice(0, sizes[0]).join("");
  }
  if (type === "DATE" || type === "DATETIME" || type === "TIMESTAMP") {
    const date = toDate(value, zone);
    return date === null ? null : type === "DATE" ? { seconds: Math.floor(date.seconds / 86_400) * 86_400, micros: 0, shape: "date" } : { seconds: date.seconds + Math.round(date.micros / 1_000_000), micros: 0, shape: "datetime" };
  }
  if (type === "SIGNED" || type === "INTEGER") {
    const integer = integerOf(value);
    // A whole number between the largest with and without a sign keeps its 64 bits.
    const turned = typeof value !== "string" && toNumber(value).scale === 0 && integer.greaterThan(MOST_SIGNED) && integer.lessThan(TWO_64);
    return whole(turned ? integer.sub(TWO_64) : within(integer, LEAST_SIGNED, MOST_SIGNED));
  }
  if (type === "UNSIGNED") {
    const integer = integerOf(value);
    if (!integer.isNegative()) return whole(within(integer, new Decimal(0), TWO_64.sub(1)));
    // Whole numbers below zero are counted from the other end, decimals are not.
    return whole(typeof value === "string" || toNumber(value).scale === 0 ? within(integer, LEAST_SIGNED, MOST_SIGNED).add(TWO_64) : new Decimal(0));
  }
  const { number } = toNumber(value);
  if (type === "DECIMAL") {
    const [digits = 10, decimals = 0] = sizes;
    const most = new Decimal(10).pow(digits - decimals).sub(new Decimal(10).pow(-decimals));
    return sqlNumber(Decimal.max(most.neg(), Decimal.min(most, number.toDecimalPlaces(decimals))), decimals);
  }
  if (type === "DOUBLE" || type === "FLOAT" || type === "REAL") return sqlNumber(number, null);
  throw new FunctionError(`CAST to ${type} is not supported`);
}

const TWO_64 = new Decimal(2).pow(64);
const MOST_SIGNED = new Decimal(2).pow(63).sub(1);
const LEAST_SIGNED = new Decimal(2).pow(63).neg();

function within(number: Decimal, least: Decimal, most: Decimal): Decimal {
  return Decimal.max(least, Decimal.min(most, number));
}

/** Of a text its leading digits: `1e2` is 1. */
export function integerOf(value: Exclude<Sql, null>): Decimal {
  if (typeof value !== "string") return toNumber(value).number.round();
  return new Decimal(/^\s*([+-]?\d{1,400})/.exec(value)?.[1] ?? 0);
}

function whole(number: Decimal): SqlNumber {
  return sqlNumber(number, 0);
}

const CEIL: SqlFunction = { min: 1, max: 1, run: ([x]) => whole(toNumber(x!).number.ceil()) };
const POWER: SqlFunction = { min: 2, max: 2, run: ([x, y]) => power(toNumber(x!), toNumber(y!)) };

export const numberFunctions: Record<string, SqlFunction> = {
  ROUND: { min: 1, max: 2, run: ([x, d]) => rounded(toNumber(x!), d === undefined ? 0 : toInteger(d), 4) },
  TRUNCATE: { min: 2, max: 2, run: ([x, d]) => rounded(toNumber(x!), toInteger(d!), 1) },
  CEIL,
  CEILING: CEIL,
  FLOOR: { min: 1, max: 1, run: ([x]) => whole(toNumber(x!).number.floor()) },
  ABS: { min: 1, max: 1, run: ([x]) => ({ ...toNumber(x!), number: toNumber(x!).number.abs() }) },
  SIGN: { min: 1, max: 1, run: ([x]) => sqlNumber(toNumber(x!).number.isZero() ? 0 : toNumber(x!).number.s) },
  POWER,
  POW: POWER,
  SQRT: { min: 1, max: 1, run: ([x]) => (toNumber(x!).number.isNegative() ? null : sqlNumber(toNumber(x!).number.sqrt(), null)) },
  FORMAT: { min: 2, max: 2, run: ([x, d]) => thousands(toNumber(x!).number, Math.max(0, Math.min(toInteger(d!), 30))) },
  CAST: {
    min: 2,
    max: 4,
    run: ([x, type, ...sizes], { context }) => cast(x!, toText(type!), sizes.map(toInteger), context.zone),
  },
};

/** `1,234.50`: that many decimals, commas between thousands. */
export function thousands(number: Decimal, decimals: number): string {
  const [integer, fraction] = fixed(number, decimals).split(".");
  const grouped = integer!.replaceAll(/\B(?=(?:\d{3})+$)/g, ",");
  return fraction === undefined ? grouped : `${grouped}.${fraction}`;
}

/** Arithmetic by sign; null for a division by zero. */
export function arithmetic(operator: string, left: SqlNumber, right: SqlNumber): SqlNumber | null {
  const [a, b] = [left.number, right.number];
  const exact = left.scale !== null && right.scale !== null;
  const larger = exact ? Math.max(left.scale!, right.scale!) : null;
  if (operator === "+") return sqlNumber(a.add(b), larger);
  if (operator === "-") return sqlNumber(a.sub(b), larger);
  if (operator === "*") return sqlNumber(a.mul(b), exact ? left.scale! + right.scale! : null);
  if (b.isZero()) return null;
  if (operator === "/") return sqlNumber(a.div(b), exact ? left.scale! + 4 : null);
  if (operator === "DIV") return whole(a.div(b).trunc());
  return sqlNumber(a.mod(b), larger);
}

/** Sum, mean, least, greatest or count of the values of a list; NULLs are left out. */
export function aggregate(name: string, values: readonly Sql[], order: (a: Exclude<Sql, null>, b: Exclude<Sql, null>) => number): Sql {
  const given = values.filter((value) => value !== null);
  if (name === "COUNT") return sqlNumber(given.length);
  if (given.length === 0) return null;
  if (name === "MAX" || name === "MIN") return given.reduce((best, each) => ((name === "MAX" ? order(each, best) > 0 : order(each, best) < 0) ? each : best));
  const sum = given.map(toNumber).reduce((total, each) => arithmetic("+", total, each)!);
  return name === "SUM" ? sum : arithmetic("/", sum, parseNumber(String(given.length)));
}
