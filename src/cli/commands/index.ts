import type { AnyCommand } from "../command.ts";
import { apis, apisShow } from "./apis.ts";
import { audit } from "./audit.ts";
import { backfill } from "./backfill.ts";
import { backfillCancel, backfillList, backfillMove, backfillPause, backfillResume } from "./backfill-control.ts";
import { check } from "./check.ts";
import { coverage } from "./coverage.ts";
import { demo } from "./demo.ts";
import { deploy } from "./deploy.ts";
import { dev } from "./dev.ts";
import { importGroup, importQeasyCommand } from "./import.ts";
import { init } from "./init.ts";
import { mapping, mappingTest } from "./mapping.ts";
import { preview } from "./preview.ts";
import { quarantine } from "./quarantine.ts";
import { quarantineDiscard, quarantineReplay } from "./quarantine-change.ts";
import { quarantineList, quarantineShow } from "./quarantine-list.ts";
import { remap } from "./remap.ts";
import { simulate } from "./simulate.ts";
import { simulateJushuitan } from "./simulate-jushuitan.ts";
import { simulateQeasy } from "./simulate-qeasy.ts";
import { state } from "./state.ts";
import { status } from "./status.ts";
import { sync } from "./sync.ts";
import { token, tokenAuthorize, tokenRefresh, tokenSet, tokenShow } from "./token.ts";
import { worker } from "./worker.ts";

/** Every command, in the order of `--help`; a group comes before its commands. */
export const COMMANDS: readonly AnyCommand[] = [
  init, importGroup, importQeasyCommand, check, preview, mapping, mappingTest, dev, deploy, worker, sync, backfill, backfillList, backfillPause, backfillResume, backfillMove, backfillCancel, remap, audit, coverage, apis, apisShow, status, state, token, tokenShow, tokenRefresh, tokenSet, tokenAuthorize, quarantine, quarantineList, quarantineShow, quarantineReplay, quarantineDiscard, simulate, simulateJushuitan, simulateQeasy, demo,
];
