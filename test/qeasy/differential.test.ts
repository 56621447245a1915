import { createConnection, type Connection } from "mysql2/promise";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { compileExpression, evaluateExpression, rowScope } from "../../src/qeasy/index.ts";
import { textOf } from "../../src/qeasy/value.ts";
import { MISSING } from "../support/mysql-servers.ts";
import { freshMySql } from "../support/servers.ts";
import { context, ROW } from "./support.ts";

const POOLS = {
  text: ["''", "'a'", "'A'", "'abcb'", "'aXbxc'", "'茶杯🙂x'", "' a b '", "'12abc'", "'-3.75'", "'1e2'", "'.5'", "'a,b,c'", "'a%c'", "'2024-03-15'", "'x.y.z'", "'Ünï'", "1.50", "-7", "NULL"],
  number: ["0", "1", "-1", "2", "3", "-7", "10", "1.5", "-2.5", "2.5", "0.005", "1.005", "-0.4", "1234.5678", "99.995", "1000000", "12345678901234567890", "0.1", "'3'", "'2.5kg'", "'x'", "NULL"],
  small: ["-3", "-2", "-1", "0", "1", "2", "3", "5", "20", "1.5", "2.5", "NULL"],
  date: [
    "'2024-03-15'", "'2024-03-15 10:12:05'", "'2024-02-29'", "'2023-12-31 23:59:59'", "'2024-01-01'", "'2021-01-03'", "'2024-12-30'", "'20240315'", "'20240315101205'", "20240315", "20240315101205", "'2024-3-5'", "'2024/03/15'", "'2024.03.15 1:2:3'",
    "'2024-02-30'", "'2024-13-01'", "'0000-00-00'", "'0000-00-00 00:00:00'", "'0001-01-01'", "'9999-12-31'", "'soon'", "''", "'2024-03-15 25:00:00'", "'2024-03-15T10:12:05'", "'2024-03-15 10:12:05.25'", "'2024-03-15 10:12'", "NULL",
  ],
  format: ["'%Y-%m-%d'", "'%Y%m%d%H%i%s'", "'%y/%c/%e %k:%i'", "'%T'", "'%r'", "'%h %I %l %p'", "'%M %b %W %a %w %j'", "'%u'", "'%f'", "'%%x%q'", "'年%Y'", "'%D'", "'%U %V %v %X %x'", "''"],
  unit: ["MICROSECOND", "SECOND", "MINUTE", "HOUR", "DAY", "WEEK", "MONTH", "QUARTER", "YEAR"],
  like: ["'a%'", "'%b%'", "'_bcb'", "'a\\\\%c'", "'%'", "''", "'%x_c'", "'茶_'"],
  pattern: ["'^a'", "'b$'", "'[0-9]+'", "'a.c'", "'^$'", "'x|y'"],
  json: ["'{\"a\":1}'", "'{\"a\":{\"b\":[1,2.50]}}'", "'{\"a\":\"x\"}'", "'{\"a\":null,\"c\":true}'", "'[1,2]'", "NULL"],
  path: ["'$.a'", "'$.a.b[1]'", "'$'", "'$.zz'", "'$[0]'", "'$.c'"],
} as const;
type Pool = keyof typeof POOLS;

/** What is called, and of which kind its arguments are. */
const SHAPES: [string, ...Pool[]][] = [
  ...["+", "-", "*", "/", "%", "DIV", "MOD"].map((sign): [string, Pool, Pool] => [`? ${sign} ?`, "number", "number"]), ["-?", "number"], ["NOT ?", "number"],
  ...["=", "<=>", "<>", "!=", "<", "<=", ">", ">=", "AND", "OR", "XOR"].flatMap((sign): [string, Pool, Pool][] => [[`? ${sign} ?`, "number", "number"], [`? ${sign} ?`, "text", "number"], [`? ${sign} ?`, "text", "text"]]),
  ["? IN (?,?)", "text", "text", "text"], ["? NOT IN (?,?)", "number", "number", "number"], ["? BETWEEN ? AND ?", "number", "number", "number"], ["? BETWEEN ? AND ?", "text", "text", "text"], ["? IS NULL", "text"], ["? IS NOT TRUE", "number"], ["? IS FALSE", "number"],
  ["? LIKE ?", "text", "like"], ["? REGEXP ?", "text", "pattern"],
  ["CASE ? WHEN ? THEN 'y' ELSE 'n' END", "text", "text"], ["CASE ? WHEN ? THEN 1 WHEN ? THEN 2.50 END", "number", "number", "number"], ["CASE WHEN ? THEN ? ELSE ? END", "number", "text", "text"],
  ["IF(?,?,?)", "number", "text", "text"], ["IFNULL(?,?)", "text", "text"], ["COALESCE(?,?,?)", "text", "text", "text"], ["NULLIF(?,?)", "text", "text"], ["NULLIF(?,?)", "number", "number"],
  ["CONCAT(?,?)", "text", "text"], ["CONCAT(?,?)", "number", "text"], ["CONCAT_WS(?,?,?)", "text", "text", "text"], ["LEFT(?,?)", "text", "small"], ["RIGHT(?,?)", "text", "small"], ["SUBSTRING(?,?)", "text", "small"], ["SUBSTR(?,?,?)", "text", "small", "small"], ["SUBSTRING(? FROM ? FOR ?)", "text", "small", "small"],
  ["SUBSTRING_INDEX(?,?,?)", "text", "text", "small"], ["LOCATE(?,?)", "text", "text"], ["LOCATE(?,?,?)", "text", "text", "small"], ["INSTR(?,?)", "text", "text"], ["POSITION(? IN ?)", "text", "text"], ["REPLACE(?,?,?)", "text", "text", "text"], ["LENGTH(?)", "text"], ["CHAR_LENGTH(?)", "text"],
  ["UPPER(?)", "text"], ["LCASE(?)", "text"], ["TRIM(?)", "text"], ["LTRIM(?)", "text"], ["RTRIM(?)", "text"], ["TRIM(LEADING ? FROM ?)", "text", "text"], ["TRIM(TRAILING ? FROM ?)", "text", "text"], ["TRIM(BOTH ? FROM ?)", "text", "text"], ["TRIM(? FROM ?)", "text", "text"],
  ["LPAD(?,?,?)", "text", "small", "text"], ["RPAD(?,?,?)", "text", "small", "text"], ["REPEAT(?,?)", "text", "small"], ["SPACE(?)", "small"], ["REVERSE(?)", "text"], ["FIND_IN_SET(?,?)", "text", "text"], ["FIELD(?,?,?)", "text", "text", "text"], ["FIELD(?,?,?)", "number", "number", "number"], ["ELT(?,?,?)", "small", "text", "text"], ["MD5(?)", "text"],
  ["ROUND(?)", "number"], ["ROUND(?,?)", "number", "small"], ["ROUND(?/?,?)", "number", "number", "small"], ["TRUNCATE(?,?)", "number", "small"], ["CEIL(?)", "number"], ["FLOOR(?)", "number"], ["ABS(?)", "number"], ["SIGN(?)", "number"], ["POWER(?,?)", "small", "small"], ["SQRT(?)", "number"], ["FORMAT(?,?)", "number", "small"],
  ["GREATEST(?,?,?)", "number", "number", "number"], ["LEAST(?,?)", "number", "number"], ["GREATEST(?,?)", "text", "text"], ["LEAST(?,?)", "text", "text"],
  ...["CHAR", "CHAR(2)", "SIGNED", "UNSIGNED", "DECIMAL(10,2)", "DECIMAL", "DECIMAL(4,2)"].flatMap((type): [string, Pool][] => [[`CAST(? AS ${type})`, "number"], [`CAST(? AS ${type})`, "text"]]), ["CAST(? AS DATE)", "date"], ["CAST(? AS DATETIME)", "date"], ["CONVERT(?,SIGNED)", "text"], ["CONVERT(? USING utf8mb4)", "text"],
  ["UNIX_TIMESTAMP(?)", "date"], ["FROM_UNIXTIME(1710469800+?)", "number"], ["FROM_UNIXTIME(1710469800.25+?,?)", "small", "format"], ["DATE_FORMAT(?,?)", "date", "format"],
  ...["DATE", "TIME", "YEAR", "MONTH", "DAY", "HOUR", "MINUTE", "SECOND", "QUARTER", "WEEKDAY", "DAYOFWEEK", "DAYOFYEAR", "LAST_DAY"].map((name): [string, Pool] => [`${name}(?)`, "date"]),
  ["DATE_ADD(?,INTERVAL ? ?)", "date", "small", "unit"], ["DATE_SUB(?,INTERVAL ? ?)", "date", "small", "unit"], ["? + INTERVAL ? ?", "date", "number", "unit"], ["ADDDATE(?,?)", "date", "small"], ["SUBDATE(?,?)", "date", "small"], ["DATEDIFF(?,?)", "date", "date"], ["TIMESTAMPDIFF(?,?,?)", "unit", "date", "date"],
  ["NOW() > ?", "date"], ["DATE(?) = ?", "date", "date"], ["NOW() + INTERVAL ? ?", "small", "unit"], ["STR_TO_DATE(?,?)", "date", "format"], ["CONCAT(NOW(),?)", "text"], ["CURDATE() + 0"], ["NOW() + 0"], ["DATE(?) + 0", "date"],
  ["JSON_EXTRACT(?,?)", "json", "path"], ["JSON_UNQUOTE(JSON_EXTRACT(?,?))", "json", "path"],
];

/** The same numbers each time. */
function generator(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state * 16_807) % 2_147_483_647;
    return state % below;
  };
}

function* expressions(each: number): Generator<string> {
  const next = generator(20_240_315);
  for (const [shape, ...pools] of SHAPES) {
    const made = new Set<string>();
    for (let i = 0; i < each; i++) {
      let place = 0;
      made.add(shape.replaceAll("?", () => { const pool = POOLS[pools[place++]!]; return pool[next(pool.length)]!; }));
    }
    yield* made;
  }
}

/** Where ours is another answer with a reason: docs/qeasy-expressions.md. */
const ON_PURPOSE: [RegExp, string][] = [
  [/^(?:TIME|HOUR|MINUTE|SECOND)\('[\d/-]*'\)$/, "of a date alone the time of day is midnight, not its year read as minutes"],
  [/^FROM_UNIXTIME\([^,]*\)$/, "no fractions of seconds without a format"],
  [/^(?:CASE|IF|IFNULL|COALESCE)\b/, "a number keeps the decimals of its own branch"],
  [/(?:[*/%]|MOD) '|' (?:[*/%]|MOD) |^(?:ROUND|FORMAT)\('/, "texts are decimals, not binary fractions"],
  [/^DATE\(.*\) = /, "a date that does not exist is NULL, in comparisons too"],
  [/^UNIX_TIMESTAMP/, "as MySQL: 0 outside of 1970 to 3001"],
  [/^REPLACE\(.*NULL\)/, "as MySQL: NULL"],
  [/^LOCATE\(''/, "as MySQL: nothing stands at the end too"],
  [/^[LR]PAD\([^'].*Ünï/, "MariaDB takes a number's text for Latin 1"],
  [/^ROUND\(.*\/.*,20\)/, "a division within ROUND has all its digits, not nine"],
  [/^[LR]PAD\(.*,''\)/, "as MySQL: empty"],
  [/\w\('0000-00-00/, "a date of zeros is no date"],
  [/'0001-01-01'/, "there is no year 0"],
  [/^JSON_/, "JSON is written without blanks, a null is NULL, and an object is no list"],
];

function agrees(ours: string | null, theirs: string | null): boolean {
  if (ours === theirs || theirs?.startsWith("error: BIGINT UNSIGNED value is out of range")) return true;
  if (ours === null || theirs === null) return theirs === null && ours === "error: a division by zero";
  if (ours.startsWith("error: ") && theirs.startsWith("error: ")) return true;
  const bare = (time: string): string => (/:\d\d\.\d+$/.test(time) ? time.replace(/\.?0+$/, "") : time);
  if (bare(ours) === bare(theirs)) return true;
  if (ours === theirs.replace("-0.0", "0.0")) return true;
  if (/\de\d/.test(theirs) && Number(ours) === Number(theirs)) return true;
  // Where MariaDB computes with 17 digits ours has more.
  const digits = (text: string): number => text.replace(/\D/g, "").length;
  return digits(ours) > 15 && digits(theirs) > 15 && Math.abs(Number(ours) / Number(theirs) - 1) < 1e-15;
}

describe("functions against a real MariaDB", () => {
  const it = test.skipIf(MISSING.mariadb !== false);
  let connection: Connection;
  beforeAll(async () => {
    if (MISSING.mariadb !== false) return;
    connection = await createConnection({ uri: await freshMySql("mariadb"), charset: "utf8mb4", multipleStatements: true, typeCast: (field) => field.string("utf8") });
    await connection.query("set names utf8mb4 collate utf8mb4_general_ci; set sql_mode = 'STRICT_TRANS_TABLES,NO_ZERO_IN_DATE,NO_ZERO_DATE,ERROR_FOR_DIVISION_BY_ZERO', time_zone = '+08:00', timestamp = 1710469800");
  });
  afterAll(() => connection?.end());

  async function theirs(expression: string): Promise<string | null> {
    const [rows] = await connection.query(`select ${expression} as v`);
    return (rows as { v: string | null }[])[0]!.v;
  }

  async function ours(expression: string): Promise<string | null> {
    const value = await evaluateExpression(compileExpression(`_function ${expression}`, "value", () => undefined), rowScope(context(), ROW));
    return value === null || value === undefined ? null : textOf(value);
  }

  it("every function answers alike for generated arguments", { timeout: 300_000 }, async () => {
    const different: string[] = [];
    let count = 0;
    for (const expression of expressions(25)) {
      count++;
      const [left, right] = [await ours(expression).catch((error: unknown) => `error: ${(error as Error).message.split(", in _function")[0]}`), await theirs(expression).catch((error: unknown) => `error: ${(error as Error).message}`)];
      if (!agrees(left, right) && !ON_PURPOSE.some(([pattern]) => pattern.test(expression))) different.push(`${expression}  ours ${JSON.stringify(left)}  theirs ${JSON.stringify(right)}`);
    }
    expect(different).toEqual([]);
    expect(count).toBeGreaterThan(3_000);
  });
});
