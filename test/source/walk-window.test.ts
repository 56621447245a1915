import * as fc from "fast-check";
import { expect, test } from "vitest";
import { cutWindow, isLastAnswer, isWhole, judgePass, nextWindowStep, type WindowMark } from "../../src/source/walk-window.ts";

const mark = (pageNo: number, total: number | null, rowCount = 0, isLast = false): WindowMark => ({ pageNo, total, rowCount, isLast });
const ROW = { id: "1", version: null, modifiedMs: null, shopId: null, raw: "{}" };
const limits = (pageSize: number, maxRecords: number, divisible: boolean, maxPages: number | null = null) => ({ pageSize, maxRecords, maxPages, divisible });

/** Reads a window of live ids; `leave` is called before each request and may take ids away. @returns what was read and the verdict */
function readWindow(ids: number[], pageSize: number, leave: (live: number[]) => void, order: "reverse" | "forward" = "reverse") {
  const live = [...ids];
  const marks: WindowMark[] = [];
  const read: number[] = [];
  for (let requests = 0; requests < 500; requests++) {
    leave(live);
    const step = nextWindowStep(marks, limits(pageSize, 1e9, true));
    if (step.do !== "read") break;
    const pages = Math.ceil((marks[0]?.total ?? live.length) / pageSize);
    const pageNo = order === "reverse" || marks.length === 0 ? step.page : pages - step.page + 1;
    const rows = live.slice((pageNo - 1) * pageSize, pageNo * pageSize);
    const now = mark(step.page, live.length, rows.length);
    if (marks.length > 0 || isWhole(now, pageSize)) read.push(...rows);
    marks.push(now);
  }
  return { live, read: new Set(read), verdict: judgePass(marks, { rows: read.length, distinct: new Set(read).size }) };
}

test("a window that fits one page costs one request", () => {
  expect(nextWindowStep([], limits(50, 5000, true))).toEqual({ do: "read", page: 1 });
  expect(nextWindowStep([mark(1, 50, 50)], limits(50, 5000, true))).toEqual({ do: "judge" });
  expect(nextWindowStep([mark(1, 0, 0)], limits(50, 5000, true))).toEqual({ do: "judge" });
});

test("a larger window goes from its last page to its first, page 1 read again at the end", () => {
  const marks = [mark(1, 120)];
  const pages: number[] = [];
  for (let step = nextWindowStep(marks, limits(50, 5000, true)); step.do === "read"; step = nextWindowStep(marks, limits(50, 5000, true))) {
    pages.push(step.page);
    marks.push(mark(step.page, 120, step.page === 3 ? 20 : 50));
  }
  expect(pages).toEqual([3, 2, 1]);
});

test("a window with far more records than a slice holds is split before it is read", () => {
  expect(nextWindowStep([mark(1, 30_000)], limits(50, 5000, true))).toEqual({ do: "split", parts: 6 });
  expect(nextWindowStep([mark(1, 30_000)], limits(50, 5000, false)).do).toBe("read");
});

test("rows that leave a closed window while it is read are never the reason that another one is missed", () => {
  fc.assert(fc.property(fc.integer({ min: 0, max: 300 }), fc.integer({ min: 2, max: 50 }), fc.array(fc.nat({ max: 400 }), { maxLength: 60 }), (count, pageSize, leaving) => {
    const queue = [...leaving];
    const { live, read, verdict } = readWindow(Array.from({ length: count }, (_, i) => i), pageSize, (ids) => {
      const id = queue.pop();
      const at = id === undefined ? -1 : ids.indexOf(id);
      if (at >= 0) ids.splice(at, 1);
    });
    expect(live.filter((id) => !read.has(id))).toEqual([]);
    expect(verdict).toBeNull();
  }));
});

test("the same window paged forward does miss rows: the property above can fail", () => {
  const leaving = [0, 1, 2, 3];
  const { live, read } = readWindow(Array.from({ length: 200 }, (_, i) => i), 50, (ids) => {
    const at = ids.indexOf(leaving.pop() ?? -1);
    if (at >= 0) ids.splice(at, 1);
  }, "forward");
  expect(live.filter((id) => !read.has(id)).length).toBeGreaterThan(0);
});

test.each([
  ["the total grew", [mark(1, 60), mark(2, 61), mark(1, 61)], { rows: 61, distinct: 61 }],
  ["the total grew and fell back", [mark(1, 60), mark(2, 61), mark(1, 60)], { rows: 60, distinct: 60 }],
  ["more ids came twice than rows left", [mark(1, 60), mark(2, 60), mark(1, 59)], { rows: 61, distinct: 59 }],
  ["rows are enough but not different ids", [mark(1, 60), mark(2, 60), mark(1, 58)], { rows: 59, distinct: 57 }],
  ["an id came twice and nothing left", [mark(1, 60), mark(2, 60), mark(1, 60)], { rows: 60, distinct: 59 }],
  ["fewer ids than announced at the end", [mark(1, 60), mark(2, 60), mark(1, 60)], { rows: 59, distinct: 59 }],
  ["no total", [mark(1, null)], { rows: 10, distinct: 10 }],
])("a pass does not prove its window when %s", (_what, marks, counts) => {
  expect(judgePass(marks, counts)).not.toBeNull();
});

test("without a total a window is split until page 1 is all of it; a single second is read until nothing follows", () => {
  const step = (marks: WindowMark[], divisible: boolean) => nextWindowStep(marks, limits(50, 5000, divisible, 800));
  expect(step([mark(1, null, 50)], true)).toEqual({ do: "split", parts: 4 });
  expect(step([mark(1, null, 49, true)], true)).toEqual({ do: "judge" });
  expect(judgePass([mark(1, null, 49, true)], { rows: 49, distinct: 49 })).toBeNull();
  expect(step([mark(1, null, 50)], false)).toEqual({ do: "read", page: 2 });
  expect(step([mark(1, null, 50), mark(2, null, 3, true)], false)).toEqual({ do: "judge" });
  expect(judgePass([mark(1, null, 50), mark(2, null, 3, true)], { rows: 53, distinct: 53 })).not.toBeNull();
});

test.each([
  ["a full page, whatever it says", 50, false, false], ["a short page that says more follows", 30, true, false],
  ["a short page", 30, null, true], ["a page without rows, whatever it says", 0, true, true],
])("%s: whether it is the last", (_what, count, hasNext, last) => {
  expect(isLastAnswer({ rows: Array.from({ length: count }, () => ROW), hasNext }, 50)).toBe(last);
});

test("a window with more pages than may be asked for is split, and a second with more is given up", () => {
  expect(nextWindowStep([mark(1, 120)], limits(50, 5000, true, 2))).toEqual({ do: "split", parts: 2 });
  expect(nextWindowStep([mark(1, 120)], limits(50, 5000, false, 2))).toEqual({ do: "giveUp" });
  expect(nextWindowStep([mark(1, 100)], limits(50, 5000, false, 2))).toEqual({ do: "read", page: 2 });
  expect(nextWindowStep([mark(1, null, 50), mark(2, null, 50)], limits(50, 5000, false, 2))).toEqual({ do: "giveUp" });
});

test("an id that comes twice is explained by a row that left", () => {
  expect(judgePass([mark(1, 60), mark(2, 60), mark(1, 59)], { rows: 60, distinct: 59 })).toBeNull();
});

test("cut windows cover the whole, share their border seconds and are whole seconds", () => {
  fc.assert(fc.property(fc.nat({ max: 10_000 }), fc.integer({ min: 1, max: 70 }), (seconds, parts) => {
    const from = 1_767_225_600_000;
    const borders = cutWindow(from, from + seconds * 1000, parts);
    expect(borders[0]).toBe(from);
    expect(borders.at(-1)).toBe(from + seconds * 1000);
    expect(borders.every((at, i) => at % 1000 === 0 && (i === 0 || seconds === 0 || at > borders[i - 1]!))).toBe(true);
  }));
});
