import { scalarText } from "../json/raw.ts";
import { refuseValue } from "./refusal.ts";
import type { FieldMapping } from "./types.ts";
import { parsePath, valueAt, type View } from "./view.ts";

const PART = /\{\{|\}\}|\{([^{}]+)\}/g;

/** Whether every brace of a template belongs to a `{path}`, or stands twice for itself. */
export function isTemplate(text: string): boolean {
  return !/[{}]/.test(text.replace(PART, ""));
}

/**
 * What writes a template's text: `{path}` stands for the value there, nothing for a missing one. With a missing rule the
 * whole text is missing when one of its values is.
 */
export function templateReader(name: string, { template = "", missing }: FieldMapping): (view: View) => string | undefined {
  const parts: (string | string[])[] = [];
  let at = 0;
  for (const match of template.matchAll(PART)) {
    parts.push(template.slice(at, match.index), match[1] === undefined ? match[0].slice(1) : parsePath(match[1].trim()));
    at = match.index + match[0].length;
  }
  parts.push(template.slice(at));
  return (view) => {
    let text = "";
    for (const part of parts) {
      const value = typeof part === "string" ? part : plainText(name, valueAt(view, part));
      if (value === null && missing !== undefined) return undefined;
      text += value ?? "";
    }
    return JSON.stringify(text);
  };
}

function plainText(name: string, raw: string | undefined): string | null {
  if (raw === undefined) return null;
  if (raw === "true" || raw === "false") return raw;
  return raw.startsWith("{") || raw.startsWith("[") ? refuseValue(name, raw, "text or a number in the template") : scalarText(raw);
}
