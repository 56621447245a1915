import { describe, expect, test } from "vitest";
import { TargetError } from "../../src/errors.ts";
import type { OutRecord, Target } from "../../src/target/contract.ts";
import { deliver, idempotencyKey, type Recheck } from "../../src/target/deliver.ts";

const records = (count: number): OutRecord[] =>
  Array.from({ length: count }, (_, i) => ({ id: `${i}`, recordId: `${i}`, sourceId: `${i}`, version: `${100 + i}`, slice: "1", json: `{"id":"${i}"}` }));

/** A target that answers by a rule; what it took and under which keys is kept. */
function target(rule: (ids: string[]) => TargetError | null, recordsPerRequest = 100, bytesPerRequest: number | null = null) {
  const taken: string[] = [];
  const keys: string[] = [];
  const made: Target = {
    recordsPerRequest, bytesPerRequest,
    held: null, check: () => Promise.resolve(""),
    send: (batch, key) => {
      keys.push(key);
      const error = rule(batch.map((record) => record.id));
      if (error !== null) return Promise.reject(error);
      taken.push(...batch.map((record) => record.id));
      return Promise.resolve();
    },
  };
  return { target: made, taken, keys };
}

const refuse = (kind: TargetError["kind"] = "refused") => new TargetError(kind, "TM_TEST", "no");
const everything: Recheck = () => Promise.resolve({
  allowed: new Set(records(1000).map((record) => record.id)), guard: { signal: new AbortController().signal, beforeWrite: () => undefined },
});

test("a refused batch is halved until the refused records stand alone; the rest is loaded", async () => {
  const { target: qeasy, taken } = target((ids) => (ids.includes("3") || ids.includes("40") ? refuse() : null));
  const { loaded, refused } = await deliver(qeasy, records(64), "a", 3, everything);
  expect(refused.map(({ record }) => record.id).toSorted()).toEqual(["3", "40"]);
  expect(loaded).toHaveLength(62);
  expect(taken.toSorted()).toEqual(loaded.map((record) => record.id).toSorted());
});

test("a batch that is too large is halved and nothing of it is refused", async () => {
  const { target: qeasy } = target((ids) => (ids.length > 10 ? refuse("too-large") : null));
  expect((await deliver(qeasy, records(64), "a", 3, everything)).loaded).toHaveLength(64);
});

test("a target that refuses every record stops the pipeline and quarantines nothing", async () => {
  const { target: qeasy } = target(() => refuse());
  await expect(deliver(qeasy, records(10), "a", 3, everything)).rejects.toMatchObject({ code: "TM_TARGET_REFUSES_ALL", kind: "misconfigured" });
  expect((await deliver(qeasy, records(3), "a", 3, everything)).refused).toHaveLength(3);
});

test.each(["retry", "misconfigured", "lease-lost"] as const)("%s ends the delivery; nothing is refused", async (kind) => {
  const { target: qeasy } = target(() => refuse(kind));
  await expect(deliver(qeasy, records(10), "a", 3, everything)).rejects.toMatchObject({ kind });
});

test("claims are checked again before every request, halves included, and lost ids are left out", async () => {
  let checks = 0;
  const { target: qeasy, taken } = target((ids) => (ids.length > 2 ? refuse() : null));
  const { loaded } = await deliver(qeasy, records(4), "a", 3, async () => {
    checks++;
    const { guard } = await everything();
    return { allowed: new Set(checks === 1 ? ["0", "1", "2", "3"] : ["0", "2", "3"]), guard };
  });
  expect(checks).toBe(3);
  expect(loaded.map((record) => record.id)).toEqual(["0", "2", "3"]);
  expect(taken).not.toContain("1");
});

test("the same records have the same key, another version, order or form another one, and each half its own", async () => {
  expect(idempotencyKey(records(3), "a")).toBe(idempotencyKey(records(3), "a"));
  expect(idempotencyKey(records(3), "a")).not.toBe(idempotencyKey(records(3).map((record) => ({ ...record, version: "1" })), "a"));
  expect(idempotencyKey(records(3), "a")).not.toBe(idempotencyKey(records(3).toReversed(), "a"));
  expect(idempotencyKey(records(3), "a")).not.toBe(idempotencyKey(records(3), "b"));
  const { target: qeasy, keys } = target((ids) => (ids.length > 1 ? refuse() : null));
  await deliver(qeasy, records(4), "a", 3, everything);
  expect(new Set(keys).size).toBe(keys.length);
});

test("one object a request where the target takes only one", async () => {
  const { target: qeasy, keys } = target((ids) => (ids.length > 1 ? refuse() : null), 1);
  expect((await deliver(qeasy, records(5), "a", 3, everything)).loaded).toHaveLength(5);
  expect(keys).toHaveLength(5);
});

test("no request carries more bytes than the target takes, commas counted; a record that alone has more is refused unsent", async () => {
  const sizes: number[] = [];
  const { target: qeasy, taken } = target(() => null, 100, 40);
  const counted = { ...qeasy, send: (...[batch, key, guard]: Parameters<typeof qeasy.send>) => {
    sizes.push(batch.map(({ json }) => json).join(",").length + 1);
    return qeasy.send(batch, key, guard);
  } };
  const big = { ...records(2)[1]!, id: "7", recordId: "7", json: `{"id":"7","x":"${"é".repeat(15)}"}` };
  const { loaded, refused } = await deliver(counted, [...records(5), big, ...records(9).slice(8)], "a", 3, everything);
  expect(refused).toMatchObject([{ record: { id: "7" }, error: { code: "TM_RECORD_TOO_LARGE" } }]);
  expect(loaded.map(({ id }) => id)).toEqual(["0", "1", "2", "3", "4", "8"]);
  expect(taken).toEqual(["0", "1", "2", "3", "4", "8"]);
  expect(sizes).toEqual([33, 33]);
});

describe("several documents of a record", () => {
  const documents = (...counts: number[]) => counts.flatMap((count, record) => Array.from({ length: count }, (_, i): OutRecord => {
    const id = `${record}-${i + 1}`;
    return { id, recordId: `${record}`, sourceId: `${record}`, version: "1", slice: "1", json: `{"id":"${id}"}` };
  }));
  /** The requests that a delivery comes to. */
  async function requests(sent: OutRecord[], recordsPerRequest: number, bytesPerRequest: number | null = null, rule: Parameters<typeof target>[0] = () => null) {
    const bodies: string[] = [];
    const { target: qeasy } = target((ids) => {
      bodies.push(ids.join(" "));
      return rule(ids);
    }, recordsPerRequest, bytesPerRequest);
    return { bodies, ...(await deliver(qeasy, sent, "a", 3, everything)) };
  }

  test.each<[number, number | null, string[]]>([
    [4, null, ["0-1 0-2 0-3", "1-1 1-2 2-1", "3-1 3-2 3-3 3-4", "3-5"]],
    // Each has 13 bytes with its comma.
    [100, 52, ["0-1 0-2 0-3", "1-1 1-2 2-1", "3-1 3-2 3-3 3-4", "3-5"]],
    [1, null, ["0-1", "0-2", "0-3", "1-1", "1-2", "2-1", "3-1", "3-2", "3-3", "3-4", "3-5"]],
  ])("share a request as far as %d documents and %s bytes a request allow", async (records, bytes, expected) => {
    expect((await requests(documents(3, 2, 1, 5), records, bytes)).bodies).toEqual(expected);
  });

  test("stay together while a request is halved, and no more of a record is sent once one of its documents is refused", async () => {
    const { bodies, loaded, refused } = await requests(documents(1, 3, 1), 100, null, (ids) => (ids.includes("1-2") ? refuse() : null));
    expect(bodies).toEqual(["0-1 1-1 1-2 1-3 2-1", "0-1 1-1 1-2 1-3", "0-1", "1-1 1-2 1-3", "1-1 1-2", "1-1", "1-2", "2-1"]);
    expect(loaded.map(({ id }) => id)).toEqual(["0-1", "1-1", "2-1"]);
    expect(refused.map(({ record }) => record.id)).toEqual(["1-2"]);
  });

  test("are not sent at all where one is too large", async () => {
    const [first, second, third] = documents(2, 1);
    const { bodies, refused } = await requests([first!, { ...second!, json: `{"x":"${"y".repeat(50)}"}` }, third!], 100, 40);
    expect(bodies).toEqual(["1-1"]);
    expect(refused).toMatchObject([{ record: { id: "0-2" }, error: { code: "TM_RECORD_TOO_LARGE" } }]);
  });

  test("taken in part do not hide that every record is refused", async () => {
    await expect(requests(documents(2, 2, 2, 2), 100, null, (ids) => (ids.some((id) => id.endsWith("-2")) ? refuse() : null))).rejects.toMatchObject({ code: "TM_TARGET_REFUSES_ALL" });
  });
});
