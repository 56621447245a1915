import { describe, expect, it } from "vitest";
import { compileExpression, evaluateExpression, readJson, rowScope, type Context, type Value } from "../../src/qeasy/index.ts";
import { textOf } from "../../src/qeasy/value.ts";
import { context, notices, ROW } from "./support.ts";

async function run(expression: string, row: Value = ROW, more: Partial<Context> = {}): Promise<string | null> {
  const value = await evaluateExpression(compileExpression(`_function ${expression}`, "value", () => undefined), rowScope(context(more), row));
  return value === null ? null : textOf(value);
}

describe("the reference's expressions", () => {
  it.each<[string, string | null]>([
    ["{{qty}}*-1", "-3"],
    ["{{amount}}/{{qty}}", "99.96667"],
    ["ROUND({{amount}}/{{qty}},2)", "99.97"],
    ["CONCAT('{{shop_no}}','-','{{so_id}}')", "S01-T20240315-001"],
    ["CASE '{{status}}' WHEN 'Sent' THEN '已发货' ELSE '其他' END", "已发货"],
    ["CASE WHEN {{amount}}>=1000 THEN 'A' WHEN {{amount}}>=200 THEN 'B' ELSE 'C' END", "B"],
    ["IF({{freight}}>0,'Y','N')", "Y"],
    ["IFNULL(NULLIF('{{remark}}',''),'无')", "无"],
    ["DATE_FORMAT('{{modified}}','%Y%m%d')", "20240315"],
    ["SUBSTRING('{{so_id}}',2,8)", "20240315"],
    ["REPLACE('{{so_id}}','-','')", "T20240315001"],
    ["LOCATE('旗舰','{{shop_name}}')", "8"],
    ["CASE LOCATE('旗舰','{{shop_name}}') WHEN 0 THEN '普通' ELSE '旗舰' END", "旗舰"],
    ["FROM_UNIXTIME({{pay_time_ms}}/1000,'%Y-%m-%d %T')", "2024-03-15 10:12:05"],
    ["FROM_UNIXTIME({{LAST_SYNC_TIME}}-600 ,'%Y-%m-%d %H:%i:%s' )", "2024-03-15 09:50:00"],
    ["FROM_UNIXTIME(UNIX_TIMESTAMP() - 7200, '%Y-%m-%d %H:%i:%s')", "2024-03-15 08:30:00"],
    ["UNIX_TIMESTAMP('{{modified}}')", "1710468725"],
    ["{{LAST_SYNC_TIME}}*1000", "1710468000000"],
    ["case {{qty}} when 0 then true else false end", "0"],
    ["case {{remark}} when 0 then 'a' else 'b' end", "b"],
    ["sum({{items.qty}})", "7"],
  ])("%s is %s", async (expression, expected) => {
    expect(await run(expression)).toBe(expected);
  });

  it.each([
    ["IF(1=1,'yes',NO_SUCH(1))", "yes", "IF(1=2,'yes',NO_SUCH(1))"],
    ["CASE WHEN 1=2 THEN NO_SUCH('a') ELSE 'no' END", "no", "CASE WHEN 1=1 THEN NO_SUCH('a') ELSE 'no' END"],
    ["COALESCE('a',NO_SUCH())", "a", "COALESCE(NULL,NO_SUCH())"],
    ["1=2 AND NO_SUCH(1)", "0", "1=1 AND NO_SUCH(1)"],
  ])("a function that is not known fails only what reaches it: %s is %s, %s fails", async (beside, expected, reached) => {
    expect(await run(beside)).toBe(expected);
    await expect(run(reached)).rejects.toMatchObject({ code: "TM_QEASY_FUNCTION", message: expect.stringContaining("NO_SUCH") as string });
  });

  it.each(["{{qty}}/0", "{{qty}} % 0", "1 ~ 2", "1 ?", "'x", '1 "', "2 }", "1 茶", "1 \\", "a.b", "1 2", "FORMAT_DATE({{CURRENT_TIME}} - 60000,'yyyy-MM-dd')", "1 +", "IF(1，2，3)"])("%s fails the row, and nothing else", async (expression) => {
    await expect(run(expression)).rejects.toMatchObject({ code: "TM_QEASY_FUNCTION", path: "value" });
  });

  it("an error names the expression as it is written, never the row's values", async () => {
    await expect(run("{{so_id}} / 0")).rejects.toThrow("{{so_id}} / 0");
    await expect(run("{{so_id}} / 0")).rejects.not.toThrow("T20240315");
  });

  it("an error sends the platform's text where that is asked for", async () => {
    expect(await run("{{qty}}/0", ROW, { onFunctionError: "text" })).toBe("3/0");
  });

  it("a division by zero that the author caught is no error", async () => {
    expect(await run("IFNULL({{qty}}/0,'none')")).toBe("none");
    expect(await run("IF({{qty}}=3,'x',1/0)")).toBe("x");
  });
});

/** Function, and MySQL's result. */
const CASES: [string, string | null][] = [
  // arithmetic
  ["1+2*3", "7"], ["(1+2)*3", "9"], ["0.1+0.2", "0.3"], ["'5 apples'+1", "6"], ["'x'+1", "1"], ["10-4-3", "3"], ["1.50*2", "3.00"], ["- -2", "2"], ["12345678901234567890+1", "12345678901234567891"],
  ["-7 % 3", "-1"], ["MOD(7,-3)", "1"], ["7 MOD 3", "1"], ["-7 DIV 2", "-3"], ["1/3", "0.3333"], ["ROUND(1/3,9)", "0.333333333"], ["'10'/4", "2.5"], ["NULL+1", null],
  // comparison and logic
  ["1='1'", "1"], ["'a'='A'", "1"], ["NULL=1", null], ["NULL<=>NULL", "1"], ["1<>2", "1"], ["2!=2", "0"], ["'10'<9", "0"], ["'10'<'9'", "1"], ["1<2 AND NULL", null], ["0 AND NULL", "0"], ["1 OR NULL", "1"],
  ["0 || 1", "1"], ["1 && 0", "0"], ["1 XOR 1", "0"], ["NOT 0", "1"], ["!1", "0"], ["NOT NULL", null], ["2 IN (1,2)", "1"], ["3 NOT IN (1,2)", "1"], ["3 IN (1,NULL)", null], ["2 BETWEEN 2 AND 3", "1"], ["3 NOT BETWEEN 2 AND 3", "0"],
  ["NULL IS NULL", "1"], ["0 IS NOT NULL", "1"], ["1 IS TRUE", "1"], ["'Abc' LIKE 'a%'", "1"], ["'abc' LIKE 'a_'", "0"], ["'a%c' LIKE 'a\\%c'", "1"], ["'abc' NOT LIKE '%d%'", "1"], ["'abc' REGEXP '^a.c$'", "1"], ["'abc' REGEXP '^b'", "0"],
  // choice
  ["CASE 3 WHEN 1 THEN 'a' END", null], ["CASE NULL WHEN NULL THEN 'a' ELSE 'b' END", "b"], ["CASE WHEN NULL THEN 'a' WHEN 1 THEN 'b' END", "b"], ["IF(NULL,'a','b')", "b"], ["IFNULL('','x')", ""], ["COALESCE(NULL,NULL,3)", "3"], ["NULLIF(1,1)", null], ["NULLIF('','x')", ""],
  // text
  ["CONCAT('a',NULL)", null], ["CONCAT('a',1.50)", "a1.50"], ["CONCAT_WS('-','a',NULL,'','b')", "a--b"], ["LEFT('茶杯x',2)", "茶杯"], ["LEFT('ab',0)", ""], ["LEFT('ab',-1)", ""], ["RIGHT('abc',2)", "bc"], ["RIGHT('abc',0)", ""],
  ["SUBSTRING('abcdef',3)", "cdef"], ["SUBSTR('abcdef',-3,2)", "de"], ["MID('abc',0,2)", ""], ["SUBSTRING('abcdef' FROM 2 FOR 3)", "bcd"], ["SUBSTRING('abc',9)", ""], ["SUBSTRING_INDEX('a.b.c','.',2)", "a.b"], ["SUBSTRING_INDEX('a.b.c','.',-1)", "c"], ["SUBSTRING_INDEX('aXbxc','x',1)", "aXb"],
  ["LOCATE('B','abcb')", "2"], ["LOCATE('b','abcb',3)", "4"], ["LOCATE('z','abc')", "0"], ["LOCATE('','abc')", "1"], ["INSTR('abc','c')", "3"], ["POSITION('c' IN 'abc')", "3"], ["REPLACE('aAa','a','x')", "xAx"], ["REPLACE('abc','','x')", "abc"],
  ["LENGTH('茶')", "3"], ["CHAR_LENGTH('茶a')", "2"], ["UPPER('aé')", "AÉ"], ["LOWER('AB')", "ab"], ["TRIM('  a ')", "a"], ["LTRIM(' a ')", "a "], ["RTRIM(' a ')", " a"], ["TRIM(LEADING 'x' FROM 'xxax')", "ax"], ["TRIM(TRAILING 'x' FROM 'xxax')", "xxa"], ["TRIM(BOTH 'x' FROM 'xax')", "a"],
  ["LPAD('7',3,'0')", "007"], ["LPAD('1234',3,'0')", "123"], ["RPAD('a',4,'xy')", "axyx"], ["REPEAT('ab',2)", "abab"], ["REVERSE('abc')", "cba"], ["CONCAT('[',SPACE(2),']')", "[  ]"], ["'it''s'", "it's"], ["'a\\'b'", "a'b"], ['"q""q"', 'q"q'],
  // numbers
  ["ROUND(2.5)", "3"], ["ROUND(-2.5)", "-3"], ["ROUND(1.005,2)", "1.01"], ["ROUND(1234,-2)", "1200"], ["ROUND(99.9,2)", "99.90"], ["ROUND(5,2)", "5"], ["TRUNCATE(1.999,1)", "1.9"], ["TRUNCATE(-1.9,0)", "-1"], ["CEIL(1.1)", "2"], ["CEILING(-1.1)", "-1"], ["FLOOR(-1.1)", "-2"], ["ABS(-1.50)", "1.50"],
  ["SIGN(-3)", "-1"], ["SIGN(0)", "0"], ["POWER(2,10)", "1024"], ["SQRT(16)", "4"], ["SQRT(-1)", null], ["FORMAT(1234.5,2)", "1,234.50"], ["FORMAT(-1234567.891,1)", "-1,234,567.9"], ["GREATEST(1,3,2)", "3"], ["LEAST('b','a')", "a"], ["GREATEST(1,NULL)", null], ["ROUND(-0.4)", "0"],
  ["CAST('12abc' AS SIGNED)", "12"], ["CAST(1.5 AS SIGNED)", "2"], ["CAST(2.5 AS SIGNED)", "3"], ["CAST(1.245 AS DECIMAL(10,2))", "1.25"], ["CONCAT(0.00125/1)", "0.001250000"], ["CONCAT(0.5/400)", "0.00125"], ["1/800", "0.0013"], ["CAST(-1 AS UNSIGNED)", "18446744073709551615"], ["CAST('1.239' AS DECIMAL(10,2))", "1.24"], ["CAST(1234 AS DECIMAL(4,2))", "99.99"], ["CAST(12 AS CHAR)", "12"], ["CAST('2024-03-15 10:00:00' AS DATE)", "2024-03-15"], ["CAST('2024-03-15' AS DATETIME)", "2024-03-15 00:00:00"], ["CONVERT('7',SIGNED)", "7"], ["CONVERT('7' USING utf8)", "7"],
  // dates
  ["NOW()", "2024-03-15 10:30:00"], ["SYSDATE()", "2024-03-15 10:30:00"], ["CURRENT_TIMESTAMP", "2024-03-15 10:30:00"], ["CURRENT_TIMESTAMP()", "2024-03-15 10:30:00"], ["CURDATE()", "2024-03-15"], ["CURTIME()", "10:30:00"], ["UNIX_TIMESTAMP()", "1710469800"], ["UNIX_TIMESTAMP('2024-03-15')", "1710432000"], ["UNIX_TIMESTAMP('x')", null], ["UNIX_TIMESTAMP('2024-03-15T02:12:05Z')", "1710468725"], ["UNIX_TIMESTAMP('2024-03-15 04:12:05+02:00')", "1710468725"], ["UNIX_TIMESTAMP('2024/3/15')", "1710432000"], ["UNIX_TIMESTAMP(20240315)", "1710432000"],
  ["FROM_UNIXTIME(1710469800)", "2024-03-15 10:30:00"], ["FROM_UNIXTIME(1710469800.25,'%s.%f')", "00.250000"], ["FROM_UNIXTIME(-1)", null],
  ["DATE_FORMAT('2024-03-05 14:07:09','%Y %y %m %c %d %e %H %k %h %I %i %s %S %f %p %T %r %M %b %W %a %w %j %u %%')", "2024 24 03 3 05 5 14 14 02 02 07 09 09 000000 PM 14:07:09 02:07:09 PM March Mar Tuesday Tue 2 065 10 %"],
  ["DATE_FORMAT('2024-02-30','%Y')", null], ["DATE_FORMAT('2023-01-01','%u')", "00"], ["DATE_FORMAT('2024-12-31','%u')", "53"],
  ["STR_TO_DATE('15/03/2024','%d/%m/%Y')", "2024-03-15"], ["STR_TO_DATE('Mar 5, 2024 2:07 PM','%b %e, %Y %l:%i %p')", "2024-03-05 14:07:00"], ["STR_TO_DATE('x','%Y')", null], ["STR_TO_DATE('10:20:30','%T')", "10:20:30"],
  ["DATE('2024-03-15 10:12:05')", "2024-03-15"], ["TIME('2024-03-15 10:12:05')", "10:12:05"], ["YEAR('2024-03-15')", "2024"], ["MONTH('2024-03-15')", "3"], ["DAY('2024-03-15')", "15"], ["HOUR('10:12:05')", "10"], ["MINUTE('2024-03-15 10:12:05')", "12"], ["SECOND('10:12:05')", "5"], ["QUARTER('2024-05-01')", "2"], ["WEEKDAY('2024-03-15')", "4"], ["DAYOFWEEK('2024-03-17')", "1"], ["LAST_DAY('2024-02-10')", "2024-02-29"],
  ["DATE_ADD('2024-01-31',INTERVAL 1 MONTH)", "2024-02-29"], ["DATE_SUB('2024-03-31 10:00:00', INTERVAL 1 MONTH)", "2024-02-29 10:00:00"], ["'2024-03-15' + INTERVAL 1 DAY", "2024-03-16"], ["NOW() - INTERVAL 90 MINUTE", "2024-03-15 09:00:00"], ["ADDDATE('2024-02-28',2)", "2024-03-01"], ["DATE_ADD('2024-03-15',INTERVAL 1 HOUR)", "2024-03-15 01:00:00"], ["DATE_ADD('x',INTERVAL 1 DAY)", null], ["DATE_ADD('2024-02-29',INTERVAL 1 YEAR)", "2025-02-28"],
  ["DATEDIFF('2024-03-15 23:59:00','2024-03-01')", "14"], ["TIMESTAMPDIFF(HOUR,'2024-03-15 00:30:00','2024-03-15 02:00:00')", "1"], ["TIMESTAMPDIFF(MONTH,'2024-01-31','2024-02-29')", "0"], ["TIMESTAMPDIFF(YEAR,'2020-03-15','2024-03-14')", "3"], ["TIMESTAMPDIFF(DAY,'2024-03-15','2024-03-01')", "-14"], ["NOW() > '2024-03-15 10:00:00'", "1"],
  // lists and the rest
  ["FIND_IN_SET('b','a,b,c')", "2"], ["FIND_IN_SET('x','a,b')", "0"], ["FIELD('b','a','b')", "2"], ["FIELD('z','a')", "0"], ["ELT(2,'a','b')", "b"], ["ELT(3,'a')", null], ["MD5('a')", "0cc175b9c0f1b6a831c399e269772661"], ["JSON_EXTRACT('{\"a\":{\"b\":[1,2]}}','$.a.b[1]')", "2"], ["JSON_UNQUOTE(JSON_EXTRACT('{\"a\":\"x\"}','$.a'))", "x"], ["JSON_EXTRACT('{}','$.a')", null],
  ["COUNT({{items.qty}})", "2"], ["AVG({{items.qty}})", "3.5000"], ["MAX({{items.qty}})", "5"], ["MIN({{items.price}})", "39.98"], ["SUM({{items.qty}}*{{items.price}})", "299.90"],
];

describe("functions", () => {
  it.each(CASES)("%s is %s", async (expression, expected) => {
    expect(await run(expression)).toBe(expected);
  });

  it("keywords and names may be written in any case, with a blank before the bracket", async () => {
    expect(await run("cOnCaT ('a', Left ('bc',1))")).toBe("ab");
  });

  it("aggregates over an empty list are NULL, and the count 0", async () => {
    const row = readJson('{"items":[]}');
    expect([await run("SUM({{items.qty}})", row), await run("MAX({{items.qty}})", row), await run("COUNT({{items.qty}})", row)]).toEqual([null, null, "0"]);
  });

  it("times turn at daylight saving where the zone has it", async () => {
    expect(await run("UNIX_TIMESTAMP('2024-03-10 04:00:00')", ROW, { zone: "America/New_York" })).toBe("1710057600");
    expect(await run("FROM_UNIXTIME(1710057600)", ROW, { zone: "America/New_York" })).toBe("2024-03-10 04:00:00");
  });

  it("UUID and RAND come from the context's random source", async () => {
    expect(await run("UUID()")).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(await run("UUID()")).toBe(await run("UUID()"));
    expect(Number(await run("RAND()"))).toBeLessThan(1);
  });
});

describe("row texts are bound, never spliced", () => {
  const row = readJson(`{"a":"x','y') OR 1=1 --","n":"12","code":"A-1","empty":"","list":[1]}`);
  it("inside quotes they are text", async () => {
    expect(await run("CONCAT('<','{{a}}','>')", row)).toBe("<x','y') OR 1=1 -->");
  });
  it("outside quotes they are a number where they look like one, NULL when empty, else text", async () => {
    expect([await run("{{n}}+1", row), await run("CONCAT({{code}},'!')", row), await run("IFNULL({{empty}},'none')", row), await run("IFNULL({{missing}},'none')", row)]).toEqual(["13", "A-1!", "none", "none"]);
  });
  it("a list where one value is wanted fails the row", async () => {
    await expect(run("{{list}}+1", row)).rejects.toMatchObject({ code: "TM_QEASY_FUNCTION" });
  });
});

describe("limits", () => {
  it.each([
    `${"(".repeat(60)}1${")".repeat(60)}`,
    `CONCAT('${"x".repeat(10_001)}')`,
    `1${"+1".repeat(1_100)}`,
  ])("an expression that is too long or too deep is not read", (expression) => {
    const { codes, report } = notices();
    compileExpression(`_function ${expression}`, "value", report);
    expect(codes()).toEqual(["TM_QEASY_FUNCTION_SYNTAX"]);
  });

  it("one at the limits is evaluated", async () => {
    expect(await run(`${"(".repeat(49)}1${")".repeat(49)}`)).toBe("1");
    expect(await run(`1${"+1".repeat(999)}`)).toBe("1000");
  });

  it.each([
    "REPEAT('a',1000000) LIKE CONCAT('%',REPEAT('a',500000),'b')", "REPEAT('a',1000000) REGEXP '(a?){1000}[bc]'", "'a' REGEXP REPEAT('a',1000000)",
    `CONCAT(${Array.from({ length: 300 }, () => "REPEAT('x',1e6)").join(",")},${Array.from({ length: 300 }, () => "REPEAT('x',1e6)").join(",")})`, "REPLACE(REPEAT('a',1e6),'a',REPEAT('b',1e6))", `CONCAT('${"{{big}}".repeat(1_000)}')`,
  ])("an expression that would stop the worker, or fill its memory, fails the row: %#", async (expression) => {
    const started = performance.now();
    await expect(run(expression, readJson(JSON.stringify({ big: "x".repeat(1_000_000) })))).rejects.toMatchObject({ code: "TM_QEASY_FUNCTION" });
    expect(performance.now() - started).toBeLessThan(10_000);
  });

  it("an aggregate within an aggregate, whose time would grow with the power of its depth, is not read", () => {
    const { codes, report } = notices();
    compileExpression("_function SUM({{items.qty}}+1*SUM({{items.qty}}))", "value", report);
    expect(codes()).toEqual(["TM_QEASY_FUNCTION_SYNTAX"]);
  });

  it.each(["REPEAT('x',2000000)", "SPACE(1e9)", "LPAD('x',1e9,'ab')", "REPEAT(REPEAT('x',1e6),1e6)", "POWER(10,400)", "1e308*1e308", "POWER(0,-1)", "'a' REGEXP '('"])("%s fails the row at once", async (expression) => {
    await expect(run(expression)).rejects.toMatchObject({ code: "TM_QEASY_FUNCTION" });
  });

  it("patterns that would back-track for ever take no time", async () => {
    const row = readJson(`{"t":"${"a".repeat(5000)}b"}`);
    expect(await run("'{{t}}' REGEXP '^(a+)+$'", row)).toBe("0");
    expect(await run(`'{{t}}' LIKE '${"%a".repeat(30)}%c'`, row)).toBe("0");
  });
});
