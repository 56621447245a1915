import { describe, expect, test } from "vitest";
import { costLine } from "../../src/cli/commands/audit.ts";
import { auditWords, cursorReason } from "../../src/ops/apis.ts";
import { CATALOGUE, getApi } from "../../src/source/jushuitan/index.ts";
import { auditBorders } from "../../src/store/audits.ts";

const DAY_MS = 86_400_000;

describe("the borders of an audit's windows", () => {
  const begin = Date.UTC(2026, 10, 1, 16);
  const widths = (windowMs: number, days: number) => {
    const borders = auditBorders(begin, begin + days * DAY_MS, windowMs);
    return borders.slice(1).map((border, i) => border - borders[i]!);
  };

  test("lie at a quiet hour where windows are wide", () => {
    const borders = auditBorders(begin, begin + 30 * DAY_MS, 7 * DAY_MS - 60_000);
    expect(borders.slice(1, -1).map((border) => new Date(border).toISOString().slice(11))).toEqual(Array.from({ length: borders.length - 2 }, () => "20:00:00.000Z"));
  });

  test("cut no day into windows of a minute where a window is a day at most", () => {
    const windowMs = DAY_MS - 60_000;
    expect(widths(windowMs, 10).slice(0, -1).every((width) => width >= windowMs / 2 && width <= windowMs)).toBe(true);
  });
});

describe("what an audit costs is told before it", () => {
  const cost = { from: "A", to: "B", windows: 3 };

  test.each([
    [{ requests: 12, idRequests: 40, allIds: false }, "12 requests for the counts (about 1 min at 20 a minute); for the ids where counts differ, about 40 requests more if all of them do."],
    [{ requests: 12, idRequests: 40, allIds: true }, "12 requests for the counts, and about 40 requests for the ids (about 3 min at 20 a minute)."],
    [{ requests: 0, idRequests: 40, allIds: true }, "There are no counts to compare, so ids are compared: about 40 requests (about 2 min at 20 a minute)."],
  ])("%j", (requests, words) => {
    expect(costLine({ ...cost, ...requests }, 20)).toBe(`Modified from A to B: 3 windows. ${words}`);
  });
});

describe("of each API it is said", () => {
  test("how an audit compares it", () => {
    const words = (path: string) => auditWords(getApi(path));
    expect(words("/open/orders/single/query")).toBe("by counts, and by ids where they differ");
    expect(words("/open/inventory/query")).toBe("by ids: there are no counts to compare");
    expect(words("/open/logistic/query")).toBe("by ids: there are no counts to compare; its verdict is at best unproven");
    expect(words("/open/shops/query")).toBe("none: each run reads all of it");
    expect(words("refresh.token")).toBe("none: there is nothing to compare with");
  });

  test("why it is read so, by the fields that it has", () => {
    for (const api of CATALOGUE) {
      if (api.cursors[0] === "version") expect(cursorReason(api)).toContain(`${api.versionField} grows with every change, and ${api.versionParam} asks`);
      else if (api.windowKeys !== null && api.notProvable === null) expect(cursorReason(api)).toContain(api.totals ? "checked against their total" : "until one answer is all of it");
    }
  });
});
