import { parse, tokenize } from "./src/qeasy/sql/syntax.ts";
const l = { quoted: (c: string) => [{ text: c }], template: (i: string) => ({ template: { text: i } }), lookup: () => 0 };
for (const e of ["{{qty}}*-1", "IF({{a}} > 0 and not x(1),'Y',\"N\")", "case {{x}} when 0 then true else false end", "CASE WHEN a(1)>=2 THEN 'A' END", "TRIM(LEADING 'x' FROM 'xx')", "TRIM(' a ')", "TRIM(BOTH FROM ' a ')", "CAST('1' AS DECIMAL(10,2))", "CONVERT('1', SIGNED)", "SUBSTRING('abc' FROM 2 FOR 3)", "POSITION('a' IN 'b')", "DATE_ADD(NOW(), INTERVAL 1 DAY)", "NOW() + INTERVAL -1 DAY", "x IN (1,2) AND y NOT LIKE 'a' OR z IS NOT NULL", "a BETWEEN 1 AND 2 AND c", "1 +", "MOD(5,3) mod 2", "TIMESTAMPDIFF(DAY, 'a','b')", "-(1+2)*- - 3"])
  console.log(e, JSON.stringify(parse(tokenize(e), l)));
