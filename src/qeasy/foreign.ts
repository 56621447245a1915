import { adviceFor, canRead, CATALOGUE } from "../source/jushuitan/catalogue.ts";
import { NO_OP } from "./model.ts";
import type { Side } from "./paste.ts";

/** Whose interfaces are spelt like that, as far as published strategies show. */
const OWNERS: readonly [RegExp, string][] = [
  [/^(?:executeBillQuery|batchSave)$/i, "金蝶云星空 (Kingdee K3Cloud)"],
  [/^\/?jdy\//i, "金蝶云星辰 (Kingdee Xingchen)"],
  [/^wdt\.|_(?:query|push)(?:_\w+)?\.php$/i, "旺店通 (Wangdiantong)"],
  [/^gy\.erp\./i, "管易云 (Guanyi)"],
  [/^\/?yonbip\//i, "用友 YonBIP"],
  [/^\/?customerApi\/groupBuyList$/i, "九州通 (Jointown)"],
];

/** Whether a pipeline runs what a strategy calls by its `api`; a text: what it is instead, and what to do, to be read behind "… is". */
export function runsHere(side: Side, called: string): true | string {
  const owner = OWNERS.find(([spelling]) => spelling.test(called))?.[1];
  if (side === "source") {
    const read = canRead(called);
    if (typeof read === "string" || read) return read;
    return owner === undefined ? `no interface of 聚水潭 (Jushuitan) that Tidemark reads. ${adviceFor(called, CATALOGUE.map(({ path }) => path))}` : `of ${owner}; Tidemark reads 聚水潭 (Jushuitan) only`;
  }
  if (called === NO_OP) return true;
  const whose = owner === undefined ? (/^\/?open\//i.test(called) ? "an interface of 聚水潭 (Jushuitan), which Tidemark only reads" : "none that Tidemark writes to") : `of ${owner}, which Tidemark does not write to`;
  return `${whose}: records go to ${NO_OP}, a database, or a module of your own. Import the source's half alone, and set target in the config`;
}
