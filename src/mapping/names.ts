import { elementsOf, membersOf } from "../json/raw.ts";

export type NameStyle = "camel" | "snake";

/** A name in a style: `shop_id` is `shopId`, `inQty` is `in_qty`. Names without Latin letters stay. */
export function styledName(name: string, style: NameStyle): string {
  if (style === "camel") return name.replace(/(?<=[^_])_+([\p{L}\p{N}])/gu, (_, letter: string) => letter.toUpperCase());
  return name.replace(/(?<=[\p{Ll}\p{N}])(?=\p{Lu})|(?<=\p{Lu})(?=\p{Lu}\p{Ll})/gu, "_").toLowerCase();
}

/** A value whose names, however deep, are in that style; everything else byte for byte. */
export function restyled(raw: string, style: NameStyle): string {
  if (raw.startsWith("[")) return `[${elementsOf(raw).map((element) => restyled(element, style)).join(",")}]`;
  if (!raw.startsWith("{")) return raw;
  return `{${membersOf(raw).map((member) => `${JSON.stringify(styledName(member.name, style))}:${restyled(member.raw, style)}`).join(",")}}`;
}
