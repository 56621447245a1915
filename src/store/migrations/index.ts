import type { Migration } from "kysely";
import * as accounts from "./001-accounts.ts";
import * as streams from "./002-streams.ts";
import * as backfills from "./003-backfills.ts";
import * as slices from "./004-slices.ts";
import * as records from "./005-records.ts";
import * as audits from "./006-audits.ts";
import * as workers from "./007-workers.ts";
import * as guards from "./008-guards.ts";

/** All migrations by name, run in the order of their names. */
export const migrations: Record<string, Migration> = {
  "001-accounts": accounts,
  "002-streams": streams,
  "003-backfills": backfills,
  "004-slices": slices,
  "005-records": records,
  "006-audits": audits,
  "007-workers": workers,
  "008-guards": guards,
};
