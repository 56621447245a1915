import { expect, test } from "vitest";
import { validateConfig } from "../../src/config/validate.ts";
import { sharedTargets } from "../../src/ops/shared-targets.ts";

const source = { account: "main", api: "/open/orders/single/query", from: "2026-01-01" };
const notesOf = (...targets: object[]) =>
  sharedTargets(validateConfig({
    accounts: { main: { platform: "jushuitan", kind: "self", appKey: "k", appSecret: "s" } },
    pipelines: Object.fromEntries(targets.map((target, i) => [`p${i + 1}`, { source, target }])),
  }, { file: "/x/tidemark.config.ts", home: "/x/.tidemark", env: {} }).pipelines);
const postgres = { use: "postgres", url: "postgres://u:hush-hush@h/d", table: "t" };
const mysql = { use: "mysql", url: "mysql://u:hush-hush@h/d", table: "t" };
const qeasy = { use: "qeasy", baseUrl: "http://u:hush-hush@h", api: "a" };
const module = { use: "./mine.ts", options: { a: 1, b: 2 } };

test.each([
  [qeasy, { ...qeasy, baseUrl: `${qeasy.baseUrl}/` }], [postgres, { ...postgres, url: "postgresql://other@H:5432/d?sslmode=require" }], [postgres, { ...postgres, schema: "public" }],
  [mysql, { ...mysql, url: "mysql://h:3306/d" }], [module, { use: "./x/../mine.ts", options: { b: 2, a: 1 } }],
])("%j is the same place as %j", (one, other) => {
  const notes = notesOf(one, { ...qeasy, api: "elsewhere" }, other);
  expect(notes).toMatchObject([{ ok: true, warning: true, detail: expect.stringMatching(/^p1 and p3 write to the same target/) as string }]);
  expect(JSON.stringify(notes)).not.toContain("hush-hush");
});

test.each([
  [qeasy, { ...qeasy, api: "b" }], [qeasy, { ...qeasy, baseUrl: "http://i" }], [postgres, mysql],
  [postgres, { ...postgres, url: "postgres://h/e" }], [postgres, { ...postgres, url: "postgres://h:5433/d" }], [postgres, { ...postgres, schema: "s" }], [postgres, { ...postgres, table: "u" }],
  [module, { ...module, options: { a: 1 } }], [module, { ...module, use: "./other.ts" }],
])("%j is another place than %j", (one, other) => {
  expect(notesOf(one, other)).toEqual([]);
});

test("three of one target are one note", () => {
  expect(notesOf(qeasy, qeasy, qeasy)).toMatchObject([{ detail: expect.stringMatching(/^p1, p2 and p3 write/) as string }]);
});
