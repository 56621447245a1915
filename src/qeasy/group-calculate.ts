import type { GroupCalculate } from "./model.ts";
import { aggregate } from "./sql/functions-number.ts";
import { compare, fromValue, toValue, type Sql } from "./sql/values.ts";
import { newMembers, valueAt, writeJson, type Members, type Value } from "./value.ts";

/** A document made of several rows, and which of them (places in the given list). */
export interface GroupedDocument {
  document: Members;
  rows: number[];
}

/**
 * Groups rows to documents by `headerGroup`, and the rows of each to lines by `bodyGroup`. Calculated fields stand on the
 * lines, or on the document when there is no `bodyGroup`; fields that are neither grouped nor calculated are left out.
 */
export function groupRows(rows: readonly Value[], group: GroupCalculate, zone: string): GroupedDocument[] {
  const places = rows.map((_, place) => place);
  return groupBy(places, rows, group.headerGroup).flatMap((document) => {
    const header = fieldsOf(rows[document[0]!]!, group.headerGroup);
    if (group.bodyGroup.length === 0) return [{ document: { ...header, ...calculated(document, rows, group, zone) }, rows: document }];
    const lines = groupBy(document, rows, group.bodyGroup).map((line) => ({
      line: Object.assign(fieldsOf(rows[line[0]!]!, group.bodyGroup), calculated(line, rows, group, zone)),
      rows: line,
    }));
    const most = group.bodyMaxLine ?? lines.length;
    const name = group.bodyName ?? group.targetBodyName ?? "details";
    return Array.from({ length: Math.ceil(lines.length / most) }, (_, i) => {
      const part = lines.slice(i * most, (i + 1) * most);
      return { document: Object.assign(newMembers(header), { [name]: part.map(({ line }) => line) }), rows: part.flatMap((each) => each.rows) };
    });
  });
}

/** Lists of places whose rows agree in the fields, in the order of their first row. */
function groupBy(places: readonly number[], rows: readonly Value[], fields: readonly string[]): number[][] {
  const groups = new Map<string, number[]>();
  for (const place of places) {
    const key = fields.map((field) => writeJson(valueAt(rows[place], field) ?? null)).join("\n");
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [place]);
    else group.push(place);
  }
  return [...groups.values()];
}

function fieldsOf(row: Value, fields: readonly string[]): Members {
  return Object.assign(newMembers(), Object.fromEntries(fields.map((field) => [field, valueAt(row, field) ?? null])));
}

function calculated(places: readonly number[], rows: readonly Value[], { calculate }: GroupCalculate, zone: string): Members {
  const members = newMembers();
  for (const [field, operator] of Object.entries(calculate)) {
    members[field] = calculateField(operator, places.map((place) => valueAt(rows[place], field) ?? null), zone);
  }
  return members;
}

function calculateField(operator: string, values: Value[], zone: string): Value {
  if (operator === "$first") return values[0] ?? null;
  if (operator === "$last") return values.at(-1) ?? null;
  if (operator === "$push") return values;
  if (operator === "$addToSet") return values.filter((value, i) => values.findIndex((other) => writeJson(other) === writeJson(value)) === i);
  const numbers: Sql[] = values.map((value) => (typeof value === "object" && value !== null && !("text" in value) ? null : fromValue(value)));
  return toValue(aggregate(operator.slice(1).toUpperCase(), numbers, (a, b) => compare(a, b, zone)));
}
