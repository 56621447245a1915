import { PassThrough } from "node:stream";
import { expect, test } from "vitest";
import { confirmed } from "../../src/cli/confirm.ts";

test.each([["y\n", true], ["YES\n", true], [" yes \n", true], ["\n", false], ["n\n", false], ["yesterday\n", false], ["", false]])("%j is %s", async (typed, answer) => {
  const [input, output] = [new PassThrough(), new PassThrough()];
  input.end(typed);
  expect(await confirmed("Do it?", input, output)).toBe(answer);
  expect(String(output.read())).toContain("Do it? [y/N]");
});
