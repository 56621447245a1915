import type { FieldType, TableTargetConfig } from "../../config/types.ts";
import { TargetError } from "../../errors.ts";
import { elementsOf, entriesOf } from "../../json/raw.ts";
import type { MappingConfig } from "../../mapping/types.ts";
import type { HeldRecord, OutRecord, SendGuard, Target } from "../contract.ts";
import { limited } from "../limit.ts";
import { type Database, orderOf, type Query, type Row, type Table } from "./database.ts";
import { checkName, databaseName, noColumn } from "./names.ts";
import { mappedTypes } from "./mapped-types.ts";
import { createSchema, type Layout, tableUnfit } from "./schema.ts";
import { joined, keeps, kindOf, valueFor } from "./values.ts";

const HELD_PAGE = 1_000;

/** Rows for one table: Tidemark's own values, in the order of its own columns, and the fields as raw JSON. */
interface NewRow {
  own: (string | null)[];
  fields: Map<string, string>;
}

/** Rows as a statement takes them. */
interface Ready {
  layout: Layout;
  columns: string[];
  found: Table;
  rows: (string | null)[][];
}

/**
 * A table that holds each record's newest version. One statement a batch writes it and leaves alone what is there in a newer
 * version; nothing is ever deleted but the rows of a list that its record no longer has.
 */
export function createTableTarget(config: TableTargetConfig, database: Database, place: string, mapping?: MappingConfig): Target {
  const { types, quote } = database;
  const mapped = mappedTypes(config.columns === "json" || mapping === undefined ? { id: "id" } : mapping);
  const main: Layout = {
    table: config.table, key: ["id"], mapped: mapped.fields,
    own: new Map([["id", types.key], ["_version", types.key], ["_order", types.order], ["_slice", types.integer], ["_loaded_at", types.timestamp]]),
  };
  const declared = new Map(Object.entries(config.types).map(([field, type]) => [databaseName(database, field), type]));
  const other = { name: database.name, place };
  /** Asks the database something, and waits no longer than for a statement. */
  const ask = <T>(signal: AbortSignal, work: (query: Query) => Promise<T>): Promise<T> =>
    limited({ signal, beforeWrite: () => undefined }, config.timeoutMs, other, (guard) => database.session(guard.signal, work));
  const schema = createSchema(database, declared, place, ask);
  /** Columns that are kept as the records are; null: all but those that the database fills. */
  const listed = config.columns === "auto" ? null : new Set(config.columns === "json" ? ["data"] : config.columns.map((field) => databaseName(database, field)));

  /** Makes the columns that the rows need, and the rows' values. @throws TargetError `refused`: a value that its column does not take */
  async function prepare(layout: Layout, rows: readonly NewRow[], signal: AbortSignal): Promise<Ready> {
    // Each time: a column that another worker has made since may hold something that these records no longer have.
    const there = await schema.look(layout, signal);
    const kinds = new Map<string, FieldType>();
    for (const { fields } of rows) {
      for (const [field, raw] of fields) {
        const [kind, known] = [layout.mapped.get(field) ?? kindOf(raw), kinds.get(field)];
        if (kind !== null && kind !== known) kinds.set(field, joined(known ?? null, kind)!);
      }
    }
    const names = new Map<string, string>();
    for (const field of kinds.keys()) {
      const column = databaseName(database, field);
      checkName(database, place, field, column, layout.own.keys(), [...(there?.columns.keys() ?? []), ...names.values()]);
      names.set(field, column);
    }
    const width = new Set([...(there?.columns ?? layout.own).keys(), ...names.values()]).size;
    if (width > database.mostColumns) throw noColumn(`with the record's fields ${layout.table} would have ${width} columns, and in ${database.name} a table has ${database.mostColumns} at most`, place);
    const wanted = new Map([...kinds].map(([field, kind]) => [names.get(field)!, kind]));
    const found = await schema.ensure(layout, there, wanted, signal);
    const fields = new Map([...names].map(([field, column]) => [column, field]));
    // A field that a record no longer has is null in its newest version; columns that the database fills are somebody else's.
    const isKept = (name: string) => layout !== main || listed === null || listed.has(name);
    const others = [...found.columns].filter(([name, { filled }]) => !filled && !fields.has(name) && !layout.own.has(name) && isKept(name)).map(([name]) => name);
    const columns = [...fields.keys(), ...others];
    return {
      layout, found, columns: [...layout.own.keys(), ...columns],
      rows: rows.map((row) => [...row.own, ...columns.map((name) => valueOf(row.fields.get(fields.get(name) ?? name), name, found))]),
    };
  }

  function valueOf(raw: string | undefined, name: string, found: Table): string | null {
    if (raw === undefined) return null;
    const column = found.columns.get(name)!;
    const value = valueFor(column, raw, database.instant);
    if (value !== undefined) return value;
    throw new TargetError("refused", "TM_TARGET_TYPE", `the column ${JSON.stringify(name)} of ${config.table} is ${column.type}, and the record has another kind of value`, {
      path: `${place}.types.${name}`, details: { received: raw.slice(0, 100) },
      fix: `If the field's values are like that now, consent to the change of the column by target.types: { ${JSON.stringify(name)}: "text" } (or another type), then replay the record.`,
    });
  }

  async function send(records: readonly OutRecord[], _key: string, guard: SendGuard): Promise<void> {
    // In the order of ids everywhere: statements that meet wait for each other, and never in a circle.
    const sorted = records.toSorted((a, b) => (a.id < b.id ? -1 : 1));
    const { rows, lists } = split(sorted, config, database.instant(Date.now()));
    const ready = await prepare(main, rows, guard.signal);
    const key = ready.found.columns.get("id")!;
    const lost = sorted.find(({ id }) => !keeps(key, id));
    if (lost !== undefined) {
      throw new TargetError("refused", "TM_TARGET_TYPE", `the column "id" of ${config.table} is ${key.type}, which does not keep this record's id as it is`, {
        path: `${place}.table`, details: { received: JSON.stringify(lost.id).slice(0, 100) },
        fix: "An id has no blank at its end, and in a number's column it is a whole number without a zero before it. Choose another field in mapping.id, or a text as the column's type; then replay the record.",
      });
    }
    const children: Ready[] = [];
    for (const [field, items] of lists) children.push(await prepare(listLayout(database, config.table, field, place, mapped.lists.get(field)), items, guard.signal));

    const { text, values } = database.insert(config.table, ready.columns, ready.found, ready.rows);
    const upsert = `${text} ${database.replace(ready.columns)}`;
    await limited(guard, config.timeoutMs, other, (limitedGuard) =>
      database.session(limitedGuard.signal, async (query) => {
        // The last moment before the statement is sent: a worker that was frozen until now must not send any more.
        limitedGuard.beforeWrite();
        if (config.items === "json") await query(upsert, values);
        else await withLists(query, sorted, upsert, values, children);
      }));
  }

  /** Rows and the rows of their lists, all or nothing; the lists only of rows that were written. */
  async function withLists(query: Query, records: readonly OutRecord[], text: string, values: unknown[], children: readonly Ready[]): Promise<void> {
    await query("begin");
    await query(text, values);
    const mine = database.among("id", records.map(({ id }) => id));
    const held = await query(`select id, ${quote("_version")} as version from ${database.place(config.table)} where ${mine.text}`, mine.values);
    const versions = new Map(held.map(({ id, version }) => [textOf(id), textOf(version)]));
    const written = new Set(records.filter(({ id, version }) => versions.get(id) === version).map(({ id }) => id));
    if (written.size > 0) {
      const theirs = database.among("_parent", [...written]);
      for (const table of await database.children(query, config.table)) await query(`delete from ${database.place(table)} where ${theirs.text}`, theirs.values);
      for (const { layout, columns, found, rows } of children) {
        const newest = rows.filter(([parent]) => written.has(parent!));
        if (newest.length === 0) continue;
        const insert = database.insert(layout.table, columns, found, newest);
        await query(insert.text, insert.values);
      }
    }
    await query("commit");
  }

  async function* held(signal: AbortSignal): AsyncGenerator<HeldRecord[]> {
    if ((await schema.look(main, signal)) === null) return;
    // By key, page after page: no statement or snapshot lasts as long as the whole table.
    for (let after: string | null = null; ; ) {
      const where: string = after === null ? "" : `where id > ${database.parameter(1)} `;
      const text = `select id, ${quote("_version")} as version from ${database.place(config.table)} ${where}order by id limit ${HELD_PAGE}`;
      const rows = await ask(signal, (query) => query(text, after === null ? [] : [after]));
      yield rows.map(({ id, version }) => ({ id: textOf(id), version: textOf(version) }));
      if (rows.length < HELD_PAGE) return;
      after = String(rows.at(-1)!["id"]);
    }
  }

  return {
    recordsPerRequest: config.batchSize, bytesPerRequest: config.maxBytes, send, held,
    async check(signal) {
      const found = await schema.look(main, signal);
      const { where, missing } = await ask(signal, (query) => database.rights(query, config.table, found !== null));
      if (missing.length > 0) {
        throw new TargetError("misconfigured", "TM_TARGET_CONFIG", `${where} may not ${missing.join(", ")} on ${found === null ? "the place of " : ""}the table ${config.table}`, {
          path: `${place}.url`, fix: "Grant it to the user of target.url.",
        });
      }
      if (found === null) return `${where}; the table ${config.table} is not there yet and will be made`;
      return `${where}; the table ${config.table} has ${found.columns.size} columns and can be written to`;
    },
    close: () => database.close(),
  };
}

/** A column of type char is padded with blanks. */
function textOf(value: Row[string] | undefined): string {
  return String(value).trimEnd();
}

/** @throws TargetError `TM_TARGET_TABLE`: by the name alone nobody would know whose list it is */
function listLayout(database: Database, of: string, field: string, place: string, mapped: Layout["mapped"] = new Map()): Layout {
  const table = databaseName(database, `${of}_${field}`);
  if (!table.startsWith(`${of}_`)) throw tableUnfit(of, place, "its name is too long: those of its lists' tables begin with it");
  return {
    table, key: ["_parent", "_position"], mapped,
    own: new Map([["_parent", database.types.key], ["_position", database.types.integer]]),
  };
}

/** Rows of the table, and with `items: "tables"` those of each list of objects. */
function split(records: readonly OutRecord[], config: TableTargetConfig, loadedAt: string): { rows: NewRow[]; lists: Map<string, NewRow[]> } {
  const lists = new Map<string, NewRow[]>();
  const rows = records.map(({ id, version, slice, json }) => {
    const fields = config.columns === "json" ? new Map([["data", json]]) : entriesOf(json);
    if (config.columns !== "json") fields.delete("id");
    if (Array.isArray(config.columns)) for (const field of fields.keys()) if (!config.columns.includes(field)) fields.delete(field);
    if (config.items === "tables") {
      for (const [field, raw] of fields) {
        const items = raw.startsWith("[") ? elementsOf(raw) : [""];
        if (!items.every((item) => item.startsWith("{"))) continue;
        fields.delete(field);
        const list = lists.get(field) ?? [];
        for (const [i, item] of items.entries()) list.push({ own: [id, String(i + 1)], fields: entriesOf(item) });
        if (list.length > 0) lists.set(field, list);
      }
    }
    return { own: [id, version, orderOf(version), slice, loadedAt], fields };
  });
  return { rows, lists };
}
