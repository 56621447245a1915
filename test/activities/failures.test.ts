import { type ApplicationFailure, CancelledFailure } from "@temporalio/common";
import { expect, test } from "vitest";
import { toFailure } from "../../activities/support.ts";
import { SourceError, StoreError, TargetError } from "../../src/errors.ts";

const delays = (error: unknown, attempts: number[]) => attempts.map((attempt) => (toFailure(error, attempt) as ApplicationFailure).nextRetryDelay);

test.each([
  ["the source's", new SourceError("transient", "TM_SOURCE_BUSY", "busy")],
  ["the store's", Object.assign(new Error("the statement's values"), { code: "40001" })],
  ["the network's", Object.assign(new Error("connect ECONNREFUSED 127.0.0.1:5432"), { code: "ECONNREFUSED" })],
  ["a parser's", new SyntaxError("Unexpected token")],
])("each attempt that fails waits longer than the one before, up to 10 s: %s", (_whose, error) => {
  expect(delays(error, [1, 2, 3, 4, 5, 50])).toEqual([1_000, 2_000, 4_000, 8_000, 10_000, 10_000]);
});

test("a target that asks for patience gets it, whatever the attempt", () => {
  expect(delays(new TargetError("retry", "TM_TARGET_BUSY", "busy", { retryAfterMs: 45_000 }), [1, 9])).toEqual([45_000, 45_000]);
});

test("what only a person can end is not tried again", () => {
  expect(toFailure(new StoreError("TM_LEASE_LOST", "another run has taken over this lane"), 3)).toMatchObject({ type: "TM_LEASE_LOST", nonRetryable: true, nextRetryDelay: undefined });
});

test.each([new CancelledFailure("cancelled"), Object.assign(new Error("aborted"), { name: "AbortError" })])("a cancelled activity ends as cancelled: %s", (error) => {
  expect(toFailure(error, 2)).toBe(error);
});

test("a history keeps no statement's values and nothing that an end answered", () => {
  const texts = [
    Object.assign(new Error("duplicate key (receiver)=(张三)"), { code: "23505" }),
    new SyntaxError('Unexpected token in {"receiver":"张三"}'),
    new SourceError("transient", "TM_SOURCE_ANSWER", 'unexpected answer {"receiver":"张三"}'),
    new TargetError("retry", "TM_TARGET_ANSWER", 'unexpected answer [{"o_id":1234567,"receiver":"张三"}]'),
  ].map((error) => (toFailure(error) as Error).message);
  expect(texts.join("\n")).not.toMatch(/张三|1234567/);
});
