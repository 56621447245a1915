import { ServiceError } from "@temporalio/client";
import { expect, test, vi } from "vitest";
import { report } from "../../src/cli/failure.ts";

test("a Temporal that stops answering in the middle of a command is named, with what to do", () => {
  const out = vi.spyOn(process.stdout, "write").mockReturnValue(true);
  const code = report(new ServiceError("Failed to describe schedule", { cause: new Error("4 DEADLINE_EXCEEDED: Deadline exceeded") }), { json: true, help: "tidemark --help" });
  const printed = out.mock.calls.map(([text]) => String(text)).join("");
  out.mockRestore();
  expect(code).toBe(1);
  expect(JSON.parse(printed)).toEqual({ error: {
    code: "TM_TEMPORAL_UNREACHABLE", message: "Temporal did not answer (Failed to describe schedule: 4 DEADLINE_EXCEEDED: Deadline exceeded)", path: null,
    fix: expect.stringContaining("try again") as string,
  } });
});
