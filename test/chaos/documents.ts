import { contentHash } from "../../src/simulator/json-bytes.ts";
import { hashOf } from "../../src/simulator/qeasy/records.ts";
import type { World } from "./world.ts";

/** What a target of documents holds, against the source's orders: all 0 where nothing is wrong. */
export interface DocumentComparison {
  missing: number;
  stale: number;
  wrongContent: number;
  /** Held, and never a document of the order in that version. */
  neverExisted: number;
  /** Rightly there: of an order's older version, while the newest one no longer has them. */
  leftOver: number;
}

/** Compares each document of each order's newest version, byte for byte; every other one that the target holds has to be one of an older version. */
export function compareDocuments({ job, refused, leftOut }: Pick<World, "refused" | "leftOut"> & { job: Pick<World["job"], "source" | "target"> }): DocumentComparison {
  const result = { missing: 0, stale: 0, wrongContent: 0, neverExisted: 0, leftOver: 0 };
  const { store } = job.source;
  const { orders } = store;
  const newest = new Set<string>();
  for (let index = 0; index < orders.size; index++) {
    const id = orders.idText(index);
    if (!orders.isVisible(index) || leftOut(id) || refused.includes(id)) continue;
    const ts = store.versionText(orders.versionOf(index));
    for (const [n, document] of documentsOf(store.rowText(orders, index)).entries()) {
      newest.add(`${id}-${n + 1}`);
      const held = job.target.store.get(`${id}-${n + 1}`);
      if (held === undefined) result.missing++;
      else if (held.ts !== ts) result.stale++;
      else if (hashOf(held) !== hashOfText(document)) result.wrongContent++;
    }
  }
  for (const document of job.target.store.idsAfter(null)) {
    if (newest.has(document)) continue;
    const [, id = "", n = ""] = /^(\d+)-(\d+)$/.exec(document) ?? [];
    const held = job.target.store.get(document)!;
    const text = leftOut(id) || held.ts === null ? null : store.pastText(orders, orders.find(id), held.ts);
    const was = text === null ? undefined : documentsOf(text)[Number(n) - 1];
    if (was !== undefined && hashOf(held) === hashOfText(was)) result.leftOver++;
    else result.neverExisted++;
  }
  return result;
}

/** By the simulator's own spelling, and not by the mapping's code: the order with each item in the place of its list. */
function documentsOf(order: string): string[] {
  const [, head, items, tail] = /^(.*"items":)\[(.*)\](,"pays":.*)$/s.exec(order)!;
  return items!.split(/,(?=\{"oi_id":)/).map((item) => head! + item + tail!);
}

function hashOfText(text: string): string {
  return contentHash(Buffer.from(text));
}
