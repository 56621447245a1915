import { isEnvReference } from "./define.ts";
import type { UserConfig } from "./user-config.ts";

const WIDEST = 120;

/** A config file's TypeScript for a configuration. @param notes lines of a comment at its top */
export function printConfig(config: UserConfig, notes: readonly string[]): string {
  const head = notes.map((line) => `// ${line.replaceAll(/\s+/g, " ")}\n`).join("");
  return `import { defineConfig, env } from "tidemark";\n\n${head}export default defineConfig(${print(config, "")});\n`;
}

function print(value: unknown, indent: string): string {
  if (isEnvReference(value)) return `env(${[value.variable, ...(value.fallback === null ? [] : [value.fallback])].map((text) => JSON.stringify(text)).join(", ")})`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const list = Array.isArray(value);
  const members = list ? value.map((item) => (deeper: string) => print(item, deeper)) : Object.entries(value).filter(([, held]) => held !== undefined).map(([key, held]) => (deeper: string) => `${keyText(key)}: ${print(held, deeper)}`);
  const [open, close] = list ? ["[", "]"] : ["{", "}"];
  if (members.length === 0) return open + close;
  const short = members.map((member) => member("")).join(", ");
  // The account, the source, the target stand in a line each.
  if (!short.includes("\n") && short.length + indent.length < WIDEST && depthOf(value) < 2) return list ? `[${short}]` : `{ ${short} }`;
  const deeper = `${indent}  `;
  return `${open}\n${members.map((member) => `${deeper}${member(deeper)},\n`).join("")}${indent}${close}`;
}

function keyText(key: string): string {
  return /^[A-Za-z_]\w*$/.test(key) ? key : JSON.stringify(key);
}

function depthOf(value: unknown): number {
  if (typeof value !== "object" || value === null || isEnvReference(value)) return 0;
  return 1 + Math.max(0, ...Object.values(value).map(depthOf));
}
