import type { Segment } from "../template.ts";
import type { Sql } from "./values.ts";

/** A piece of a quoted text: literal, template, or a lookup (its place in the expression's list). */
export type Part = Segment | { lookup: number };

/** An expression as a tree. Operators are calls as well, named by their sign or word in capitals. */
export type Node =
  | { value: Sql }
  | { text: Part[] }
  | { template: Segment }
  | { lookup: number }
  /** A word without brackets: a unit, or CURRENT_TIMESTAMP and the like. */
  | { word: string }
  /** A function that nobody knows: what reaches it has no value. */
  | { unknown: string }
  | { call: string; args: Node[] };

/** What the parser asks of those who know templates and lookups. */
export interface Leaves {
  /** Gets the text with its quotes. */
  quoted: (image: string) => Part[];
  template: (image: string) => Node;
  lookup: (image: string) => number;
}
