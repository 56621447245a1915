import { readFileSync } from "node:fs";
import { z } from "zod";
import { ConfigError } from "../errors.ts";
import { elementsOf, membersOf, withStringMember } from "../json/raw.ts";
import { memberText } from "../sync/staged.ts";
import { type Document, type MappedRow, oneDocument, openMapper } from "../mapping/mapper.ts";
import type { MappingConfig } from "../mapping/types.ts";

/** Where an example's record is not what it should be; values as they are written, null for none. */
export interface Difference {
  path: string;
  expected: string | null;
  got: string | null;
}

export interface ExampleResult {
  name: string;
  ok: boolean;
  differences: Difference[];
  /** Why the row was refused, where a record was expected. */
  refusal: string | null;
}

const SHAPE = z.strictObject({
  examples: z.array(z.union([
    z.strictObject({ name: z.string().optional(), in: z.record(z.string(), z.json()), out: z.union([z.record(z.string(), z.json()), z.array(z.record(z.string(), z.json())), z.null()]) }),
    z.strictObject({ name: z.string().optional(), in: z.record(z.string(), z.json()), error: z.string().startsWith("TM_") }),
  ])).min(1),
});

const SHOWN_SHAPE = '{ "examples": [ { "name": "…", "in": { row }, "out": { record } }, { "in": { row }, "out": [ { record }, … ] }, { "in": { row }, "out": null }, { "in": { row }, "error": "TM_MAPPING_VALUE" } ] }';

/**
 * Maps the rows of a file and compares. Digits count: 206.00 is not 206.
 * @throws ConfigError `TM_MAPPING_EXAMPLES`, `TM_MAPPING_LOAD`
 */
export async function runExamples(pipeline: { name: string; mapping: MappingConfig }, file: string, signal: AbortSignal): Promise<ExampleResult[]> {
  const examples = readExamples(file);
  const mapper = openMapper(pipeline);
  try {
    const results: ExampleResult[] = [];
    for (const [i, example] of examples.entries()) {
      const id = memberText(example.in, pipeline.mapping.id);
      const [mapped] = id === null ? [NO_ID] : mapper === null ? [oneDocument(id, withStringMember(example.in, "id", id))] : await mapper.map([{ id, raw: example.in }], signal);
      results.push({ name: example.name ?? `example ${i + 1}`, ...judged(example, mapped!) });
    }
    return results;
  } finally {
    await mapper?.close();
  }
}

const NO_ID: MappedRow = { code: "TM_NO_ID", field: null, reason: "the row has no usable id" };

/** An example, row and record as they are written. */
interface Example {
  name?: string | undefined;
  in: string;
  out?: string | undefined;
  error?: string | undefined;
}

function readExamples(file: string): Example[] {
  let text: string;
  let parsed: unknown;
  try {
    text = readFileSync(file, "utf8").replace(/^\uFEFF/, "");
    parsed = JSON.parse(text);
  } catch (error) {
    throw examplesError(file, error instanceof Error ? error.message : String(error));
  }
  const shaped = SHAPE.safeParse(parsed);
  if (!shaped.success) throw examplesError(file, `${shaped.error.issues[0]!.path.join(".") || "the file"} is not as it should be`);
  const examples = new Map(membersOf(text.trim()).map(({ name, raw }) => [name, raw])).get("examples")!;
  return elementsOf(examples).map((element, i) => {
    const raws = new Map(membersOf(element).map(({ name, raw }) => [name, raw]));
    const { name, ...expected } = shaped.data.examples[i]!;
    return { name, in: raws.get("in")!, out: raws.get("out"), error: "error" in expected ? expected.error : undefined };
  });
}

function examplesError(file: string, message: string): ConfigError {
  return new ConfigError("TM_MAPPING_EXAMPLES", `${file}: ${message}`, { path: file, fix: `Write ${SHOWN_SHAPE}` });
}

function judged(example: Example, mapped: MappedRow): Omit<ExampleResult, "name"> {
  const refusal = "code" in mapped ? `${mapped.code}: ${mapped.reason}` : null;
  if (example.error !== undefined) {
    const got = "code" in mapped ? mapped.code : outOf(mapped.documents, "");
    return got === example.error ? { ok: true, differences: [], refusal: null } : { ok: false, differences: [{ path: "(error)", expected: example.error, got }], refusal };
  }
  if ("code" in mapped) return { ok: false, differences: [], refusal };
  const differences = differencesOf(example.out, outOf(mapped.documents, example.out!), "");
  return { ok: differences.length === 0, differences, refusal: null };
}

/** Documents as an example writes them: one as itself, none as null, several as a list. */
function outOf(documents: readonly Document[], expected: string): string {
  if (documents.length === 0 && !expected.startsWith("[")) return "null";
  if (documents.length === 1 && !expected.startsWith("[")) return documents[0]!.json;
  return `[${documents.map(({ json }) => json).join(",")}]`;
}

function differencesOf(expected: string | undefined, got: string | undefined, path: string): Difference[] {
  if (expected === undefined || got === undefined) return expected === got ? [] : [{ path, expected: expected ?? null, got: got ?? null }];
  const inside = (one: ReadonlyMap<string, string>, other: ReadonlyMap<string, string>) =>
    [...new Set([...one.keys(), ...other.keys()])].flatMap((name) => differencesOf(one.get(name), other.get(name), path === "" ? name : `${path}.${name}`));
  if (expected.startsWith("{") && got.startsWith("{")) return inside(named(membersOf(expected)), named(membersOf(got)));
  if (expected.startsWith("[") && got.startsWith("[")) return inside(numbered(elementsOf(expected)), numbered(elementsOf(got)));
  const same = expected === got || (expected.startsWith('"') && got.startsWith('"') && JSON.parse(expected) === JSON.parse(got));
  return same ? [] : [{ path: path === "" ? "(record)" : path, expected, got }];
}

function named(members: readonly { name: string; raw: string }[]): Map<string, string> {
  return new Map(members.map(({ name, raw }) => [name, raw]));
}

function numbered(elements: readonly string[]): Map<string, string> {
  return new Map(elements.map((raw, i) => [String(i), raw]));
}
