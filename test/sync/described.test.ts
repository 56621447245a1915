import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { UserApi } from "../../src/index.ts";
import { validateConfig } from "../../src/config/validate.ts";
import { compareWalk, type Platform } from "../support/walk.ts";
import { type Walked, walkUnderChange } from "../support/walk-all.ts";

const CHANGED = { windowKeys: ["changed_from", "changed_to"], windowParams: { by: "changed" }, modifiedField: "changed_at" } as const;

/** One of each way of reading; docs/apis.md shows the same. */
const DESCRIBED: Record<string, UserApi> = {
  "/open/example/versions": {
    ...CHANGED, idField: "doc_id", listFields: ["records"], versionField: "ts", versionParam: "since", versionAlone: true, pageSize: 40, archiveParam: "with_archived",
    method: "example.versions", historyMethod: "example.history",
  },
  "/open/example/windows": { ...CHANGED, idField: "doc+part", flat: true, params: { kind: "all" } },
  "/open/example/blind": { idField: "doc_id", modifiedField: "modified+linked", otherWindowKeys: ["linked_begin", "linked_end"], window: "1d", totals: false },
  "/open/example/list": { idField: "code", listFields: ["records"], modifiedField: null, cursor: "snapshot" },
};

const { apis } = validateConfig(
  {
    accounts: { main: { platform: "jushuitan", kind: "self", appKey: "k", appSecret: "s" } }, apis: DESCRIBED,
    pipelines: { one: { source: { account: "main", api: "/open/example/list", from: "all" }, target: { use: "qeasy", baseUrl: "http://127.0.0.1:9" } } },
  },
  { file: "/x/tidemark.config.ts", home: "/x/.tidemark", env: {} },
);

describe.each<Platform>(["new", "old"])("an API that a config describes, on the %s platform", (platform) => {
  const walkable = apis.filter(({ method }) => platform === "new" || method !== null);
  let walked: Walked;
  beforeAll(async () => {
    walked = await walkUnderChange(walkable, platform);
  }, 120_000);
  afterAll(() => walked.close());

  test.each(walkable.map(({ path, cursors, totals }) => [path, cursors[0], totals ? "with" : "without"] as const))("%s, followed by %s %s totals, misses nothing under change", async (path, cursor) => {
    const found = await compareWalk(walked.source, path, walked.walks.get(path)!.held);
    expect({ ...found, source: 0 }).toEqual({ source: 0, missing: [], stale: [], unknown: [] });
    expect(found.source).toBeGreaterThan(7);
    expect(walked.ended.get(path)!.at(-1)).toBeNull();
    expect(walked.cursors[path]).toBe(cursor);
  });
});

test("there is one of each cursor", () => {
  expect(apis.map(({ cursors, totals }) => `${cursors[0]} ${totals}`)).toEqual(["version true", "window true", "window false", "snapshot false"]);
});
