import { mix } from "../../random.ts";
import { shanghaiText } from "../../shanghai.ts";
import type { RowState, TableDescription } from "../collection.ts";

/** How a table is asked and answers, by the official field text: said once more here, so that a mistake in the catalogue is not repeated. */
export interface Wire {
  /** Parameters with begin and end of a window; null: there are none, all is answered. */
  times: readonly [string, string] | null;
  /** The same for a second time of the rows; null: they have one. */
  otherTimes: readonly [string, string] | null;
  /** Largest span of a window (seconds). */
  span: number;
  /** The time selector's name, and the value that means modified time. */
  select: readonly [string, string] | null;
  /** The parameter that asks for row versions at or above a value; `alone`: with paging only. */
  ts: { param: string; alone: boolean; quiet: boolean } | null;
  totals: boolean;
  hasNext: boolean;
  /** Without the `data` wrapper. */
  flat: boolean;
  /** The parameter that asks for archived rows. */
  archive: string | null;
  mostPages: number;
  /** Only `Confirmed` unless this parameter names others. */
  statuses: string | null;
  /** Further parameters that are taken, with the only value that the simulator knows. */
  fixed: Readonly<Record<string, string>>;
  /** Rows are added and never change. */
  appendOnly: boolean;
  /** Rows are added by the admin interface only. */
  still: boolean;
}

/** A row, for the texts of a table. */
export interface Row {
  n: number;
  /** Random bits that stay, and those of this version. */
  bits: number;
  odd: number;
  changes: number;
  created: string;
  modified: string;
  otherModified: string;
  status: string;
}

export interface TableFacts extends Partial<Wire> {
  path: string;
  list?: string;
  /** Id members of a row; `asked` ones are not in the row. */
  ids: (n: number) => Readonly<Record<string, string | number>>;
  asked?: Readonly<Record<string, string>>;
  /** How the row version is written. */
  version?: "number" | "text";
  /** The field with the time of the last change; null: none. */
  modified?: string | null;
  pageDefault?: number;
  pageMax?: number;
  /** Rows at the start; default: the option `rows`. */
  seeded?: number;
  statusNames?: readonly string[];
  /** The other members of a row, as JSON text without braces. */
  row: (row: Row) => string;
}

export const DAY = 86_400;
const USUAL: Wire = {
  times: ["modified_begin", "modified_end"], otherTimes: null, span: 7 * DAY, select: null, ts: null, totals: true, hasNext: true, flat: false, archive: null, mostPages: Infinity,
  statuses: null, fixed: {}, appendOnly: false, still: false,
};

/** A served table. */
export interface GenericTable extends TableDescription {
  wire: Wire;
  seeded: number | null;
  statusOf(seed: number, index: number, changes: number): string;
}

export function table({ path, list = "datas", ids, asked = {}, version, modified = "modified", pageDefault = 30, pageMax = 50, seeded, statusNames = ["Confirmed"], row, ...wire }: TableFacts): GenericTable {
  const statusOf = (seed: number, index: number, changes: number) => statusNames[(mix(seed, index, 6) + changes) % statusNames.length] as string;
  return {
    path, listField: list, idField: "", idsParam: "", maxIds: 0, firstId: 0, pageDefault, pageMax, wire: { ...USUAL, ...wire }, seeded: seeded ?? null, statusOf,
    idText(n) {
      const parts = [...Object.values(ids(n)), ...Object.values(asked)].map(String);
      return parts.length === 1 ? (parts[0] as string) : parts.map((part) => part.replaceAll("%", "%25").replaceAll("|", "%7C")).join("|");
    },
    render(state) {
      const facts = rowOf(state, statusOf(state.seed, state.index, state.changes));
      const own = Object.entries(ids(state.index)).map(([key, value]) => `"${key}":${idText(value, facts, state.oddities)}`);
      const stamps = [
        ...(modified === null ? [] : [`"${modified}":"${facts.modified}"`]),
        ...(version === undefined ? [] : [`"ts":${version === "text" ? `"${state.ts}"` : state.ts}`]),
      ];
      return `{${[...own, row(facts), ...stamps].join(",")}}`;
    },
  };
}

function rowOf(state: RowState, status: string): Row {
  const { seed, index, changes, oddities } = state;
  return {
    n: index, bits: mix(seed, index, 3), odd: oddities ? mix(seed, index, 3000 + changes) : 0, changes, status,
    created: shanghaiText(state.created), modified: shanghaiText(state.modified), otherModified: shanghaiText(state.otherModified ?? state.modified),
  };
}

/** Numbers are text now and then. */
function idText(value: string | number, { odd }: Row, oddities: boolean): string {
  return typeof value === "string" || (oddities && (odd & 15) === 3) ? JSON.stringify(String(value)) : String(value);
}

/** The members of an object as JSON text without braces. */
export function members(object: Record<string, unknown>): string {
  return JSON.stringify(object).slice(1, -1);
}

/** A number, or the same as text. */
export function loose({ odd }: Row, value: number): number | string {
  return (odd & 7) === 1 ? String(value) : value;
}

/** Nothing, in one of its spellings. */
export function nothing({ odd }: Row): string | null {
  return (odd & 64) === 0 ? null : "";
}
