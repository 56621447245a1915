import { afterEach, beforeEach, test } from "vitest";
import type { TableTargetConfig } from "../../src/config/types.ts";
import type { MappingConfig } from "../../src/mapping/types.ts";
import type { OutRecord, SendGuard, Target } from "../../src/target/contract.ts";
import { createTarget } from "../../src/target/open.ts";
import type { DatabaseKind, TestDatabase } from "./databases.ts";
import { tableTarget } from "./pipeline.ts";

export const guard: SendGuard = { signal: new AbortController().signal, beforeWrite: () => undefined };

let ts = 100;

/** @param fields members of its JSON, as text */
export const record = (id: string, fields = "", version = String(ts++)): OutRecord => ({ id, recordId: id, sourceId: id, version, slice: "7", json: `{"id":${JSON.stringify(id)}${fields === "" ? "" : `,${fields}`}}` });

export const send = (to: Target, ...records: OutRecord[]) => to.send(records, "k", guard);

/** For the tests of a `describe.each(DATABASES)`: each has a database of its own, and its targets are closed when it ends. */
export function tableTools({ use, skip, open }: DatabaseKind, defaults: Partial<TableTargetConfig> = {}) {
  const postgres = use === "postgres";
  let opened: TestDatabase;
  const targets: Target[] = [];
  beforeEach(async () => {
    if (!skip) opened = await open();
  });
  afterEach(async () => {
    for (const target of targets.splice(0)) await target.close?.();
  });
  const database: TestDatabase = {
    get url() {
      return opened.url;
    },
    query: (statement) => opened.query(statement),
  };
  return {
    it: test.skipIf(skip), postgres, database, targets,
    target: (changes: Partial<TableTargetConfig> = {}, mapping?: MappingConfig): Target => {
      const made = createTarget(tableTarget({ use, url: opened.url, ...defaults, ...changes }), "target", mapping);
      targets.push(made);
      return made;
    },
    rows: (columns: string, more = "order by id") => database.query(`select ${columns} from orders ${more}`),
    quoted: (name: string) => (postgres ? `"${name}"` : `\`${name}\``),
  };
}
