import { MockActivityEnvironment } from "@temporalio/testing";
import { DefaultLogger, type LogEntry } from "@temporalio/worker";
import { afterEach, expect, test } from "vitest";
import { createTokenActivities } from "../../activities/tokens.ts";
import { DAY, startTokens, type TokenBench } from "../tokens/support.ts";

let bench: TokenBench;
afterEach(() => bench.close());

test("a worker warns of a token's end, with the day", async () => {
  bench = await startTokens("isv", { tokenExpiresAt: Date.now() + 2 * DAY }, { appKind: "isv" });
  const said: LogEntry[] = [];
  const activity = new MockActivityEnvironment({}, { logger: new DefaultLogger("DEBUG", (entry) => void said.push(entry)) });
  await activity.run((account: string) => createTokenActivities(bench.services).refreshToken(account), "main");
  const warnings = said.filter(({ level }) => level === "WARN").map(({ message }) => message);
  expect(warnings).toEqual([expect.stringMatching(/^account main: its token expires on \d{4}-\d\d-\d\d \(Asia\/Shanghai/)]);
});
