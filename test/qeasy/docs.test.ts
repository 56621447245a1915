import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { NOTICES, ROW_ERRORS } from "../../src/qeasy/index.ts";
import { FUNCTIONS, SPECIAL } from "../../src/qeasy/sql/functions.ts";

const page = (name: string): string => readFileSync(new URL(`../../docs/${name}`, import.meta.url), "utf8");

it("every code that a strategy can bring stands in docs/errors.md", () => {
  const codes = ["TM_QEASY_JSON", ...Object.keys(NOTICES), ...Object.keys(ROW_ERRORS)];
  expect(codes.filter((code) => !page("errors.md").includes(`| \`${code}\` |`))).toEqual([]);
});

it("every function stands in docs/qeasy-expressions.md", () => {
  const words = new Set(page("qeasy-expressions.md").match(/\b[A-Z_0-9]+\b/g));
  expect([...FUNCTIONS.keys(), ...SPECIAL.keys()].filter((name) => !words.has(name))).toEqual([]);
});
