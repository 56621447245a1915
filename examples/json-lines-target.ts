import { mkdir, open, readdir, readFile, rename } from "node:fs/promises";
import path from "node:path";
import { defineTarget, TargetError, type HeldRecord, type OutRecord } from "tidemark";

/**
 * A target that writes each batch as a file of JSON lines to a folder: `{"id","version","slice","record"}`. Nothing is changed
 * or deleted; of an id's lines the one with the highest version is the record as it is now. docs/writing-a-target.md explains it.
 *
 * target: { use: "./json-lines-target.ts", options: { folder: "/srv/orders" } }
 */
export default defineTarget(({ folder }) => {
  if (typeof folder !== "string" || !path.isAbsolute(folder)) {
    throw new TargetError("misconfigured", "TM_TARGET_CONFIG", "options.folder has to be the absolute path of a folder", { path: "target.options.folder" });
  }

  return {
    async send(records, key, guard) {
      const text = records.map(lineOf).join("");
      // The same batch has the same key, so one that comes again replaces itself.
      const file = path.join(folder, `${key}.jsonl`);
      await inFolder(async () => {
        await mkdir(folder, { recursive: true });
        guard.beforeWrite();
        await writeDurably(`${file}.${process.pid}.part`, text);
        // Only now it counts: a reader never sees half a file.
        await rename(`${file}.${process.pid}.part`, file);
      });
    },

    async check() {
      await inFolder(async () => {
        await mkdir(folder, { recursive: true });
        await writeDurably(path.join(folder, ".check"), "");
      });
      return `${folder} can be written to and has ${(await filesIn(folder)).length} batches`;
    },

    async *held(signal) {
      const newest = new Map<string, string | null>();
      for (const name of await filesIn(folder)) {
        signal.throwIfAborted();
        for (const { id, version } of await linesOf(path.join(folder, name))) {
          if (!newest.has(id) || isNewer(version, newest.get(id) ?? null)) newest.set(id, version);
        }
      }
      yield [...newest].map(([id, version]): HeldRecord => ({ id, version }));
    },
  };
});

/** The record itself goes in as text: parsed and written anew, long numbers would lose digits. */
function lineOf({ id, version, slice, json }: OutRecord): string {
  return `{"id":${JSON.stringify(id)},"version":${JSON.stringify(version)},"slice":${JSON.stringify(slice)},"record":${json.replaceAll(/[\r\n]+/g, " ")}}\n`;
}

async function writeDurably(file: string, text: string): Promise<void> {
  const handle = await open(file, "w");
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function filesIn(folder: string): Promise<string[]> {
  return (await inFolder(() => readdir(folder))).filter((name) => name.endsWith(".jsonl"));
}

/** Ids and versions of a batch; a version that is no row version (a time and a hash) is given as not known. */
async function linesOf(file: string): Promise<HeldRecord[]> {
  const lines = (await readFile(file, "utf8")).trimEnd().split("\n");
  return lines.map((line) => {
    const { id, version } = JSON.parse(line) as { id: string; version: string };
    return { id, version: /^\d+$/.test(version) ? version : null };
  });
}

/** Row versions are whole numbers, too long for JavaScript's own. */
function isNewer(version: string | null, known: string | null): boolean {
  return version !== null && (known === null || BigInt(version) > BigInt(known));
}

/** A full disk passes; a folder that may not be written to needs a person, and no record is to blame. */
async function inFolder<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : "";
    if (code === "EACCES" || code === "EROFS" || code === "ENOTDIR" || code === "EPERM") {
      throw new TargetError("misconfigured", "TM_TARGET_CONFIG", `the folder cannot be written to: ${code}`, { path: "target.options.folder", fix: "Let the worker's user write to it." });
    }
    throw error;
  }
}
