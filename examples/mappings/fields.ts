import type { UserField } from "tidemark";

// Kinds of fields that the mappings beside this file share. The source writes numbers as text at times, and "" or null for
// nothing: text and amounts come out as text, missing values as null.

export const text = (from: string): UserField => ({ from, type: "text" });
/** An amount as decimal text, digit for digit: 206.00 and "206.00" are "206.00". */
export const money = (from: string): UserField => ({ from, type: "decimal" });
export const count = (from: string): UserField => ({ from, type: "integer" });
/** Asia/Shanghai in the source, ISO 8601 in UTC in the target. */
export const time = (from: string): UserField => ({ from, type: "datetime" });
/** What a flat record keeps of its items. */
export const itemSummary = {
  itemCount: { expression: "size(listOf(record.?items.orValue(null)))" },
  itemQuantity: { expression: "sum(listOf(record.?items.orValue(null)).map(i, i.?qty.orValue(null)))" },
  skuIds: { expression: 'listOf(record.?items.orValue(null)).filter(i, i.?sku_id.orValue(null) != null).map(i, i.sku_id).join(",")', missing: "null" },
} satisfies Record<string, UserField>;
/** The row's version: a target that can compare refuses an older one. */
export const version = { version: text("ts") };
