import { describe, expect, it } from "vitest";
import { answerKeys, importStrategies, readJson, rowKey, rowsOfAnswer, type Strategy } from "../../src/qeasy/index.ts";

const source = (more: object): Strategy => importStrategies([{ text: JSON.stringify({ api: "refresh.token", ...more }) }]).source!.strategy;
const keys = (answer: string, more: object): string[] => {
  const { rows, idPath } = rowsOfAnswer(readJson(answer), source(more));
  return rows.map((row) => rowKey({ row, suffix: "" }, idPath!));
};

describe("the rows of an answer", () => {
  it.each<[string, string, object, string[]]>([
    ["msg is a list: its elements, by their own id", '{"msg":[{"id":"12345","token":"t"},{"id":"2","token":"u"}]}', { id: "msg", number: "msg" }, ["12345", "2"]],
    ["msg is a text: one row", '{"msg":"success"}', { id: "msg", number: "msg" }, ["success"]],
    ["the list that dataKey names", '{"data":{"list":[{"o":1},{"o":2}]}}', { id: "o", otherResponse: [{ field: "dataKey", value: "data.list" }] }, ["1", "2"]],
    ["an empty list has no rows", '{"data":[]}', { id: "o", otherResponse: [{ field: "dataKey", value: "data" }] }, []],
    ["a list alone", '[{"o":1}]', { id: "o" }, ["1"]],
  ])("%s", (_, answer, more, expected) => {
    expect(keys(answer, more)).toEqual(expected);
  });

  it("otherResponse tells success", () => {
    expect(answerKeys(source({ otherResponse: [{ field: "statusKey", value: "errcode" }, { field: "statusValue", type: "int", value: "0" }] }))).toEqual({ statusKey: "errcode", statusValue: "0", dataKey: undefined, pageKey: undefined });
  });
});
