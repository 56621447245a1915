import type { Migration } from "kysely";
import * as tables from "./001-tables.ts";
import * as replay from "./002-replay.ts";
import * as audit from "./003-audit.ts";
import * as guards from "./004-guards.ts";
import * as gaps from "./005-gaps.ts";
import * as told from "./006-told.ts";
import * as accounts from "./007-accounts.ts";
import * as snapshots from "./008-snapshots.ts";
import * as documents from "./009-documents.ts";
import * as kept from "./009-kept.ts";

/** All migrations by name, run in the order of their names. */
export const migrations: Record<string, Migration> = {
  "001-tables": tables,
  "002-replay": replay,
  "003-audit": audit,
  "004-guards": guards,
  "005-gaps": gaps,
  "006-told": told,
  "007-accounts": accounts,
  "008-snapshots": snapshots,
  "009-documents": documents,
  "009-kept": kept,
};
