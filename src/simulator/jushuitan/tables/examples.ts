import { DAY, loose, members, table } from "./table.ts";

/** Interfaces that the platform does not have, one for each way of reading: what a config describes is tried with them. */
export const EXAMPLE_TABLES = [
  table({
    path: "/open/example/versions", list: "records", ids: (n) => ({ doc_id: 1 + n }), modified: "changed_at", version: "text", ts: { param: "since", alone: true, quiet: true },
    times: ["changed_from", "changed_to"], select: ["by", "changed"], archive: "with_archived", pageMax: 40, row: (row) => members({ amount: loose(row, row.changes) }),
  }),
  table({
    path: "/open/example/windows", ids: (n) => ({ doc: `D${n >> 1}`, part: n % 2 }), modified: "changed_at", times: ["changed_from", "changed_to"], select: ["by", "changed"], flat: true,
    fixed: { kind: "all" }, row: (row) => members({ amount: loose(row, row.changes) }),
  }),
  table({
    path: "/open/example/blind", ids: (n) => ({ doc_id: 1 + n }), span: DAY, totals: false, hasNext: false, otherTimes: ["linked_begin", "linked_end"],
    row: (row) => members({ amount: loose(row, row.changes), linked: row.otherModified }),
  }),
  table({ path: "/open/example/list", list: "records", ids: (n) => ({ code: `C-${n}` }), modified: null, times: null, totals: false, row: (row) => members({ name: `第${row.changes}次` }) }),
];
