import type { TidemarkConfig } from "../config/types.ts";
import { getApi } from "../source/jushuitan/index.ts";
import { lookbackAge } from "../store/clock.ts";
import type { Db } from "../store/db.ts";
import { type Gap, openGaps } from "../store/gaps.ts";
import type { Stream } from "../store/streams.ts";
import { pipelineOf } from "../sync/services.ts";

/** What of a pipeline was skipped on a person's word and is neither read nor verified since. */
export async function pipelineGaps(db: Db, config: TidemarkConfig, { id, pipeline }: Stream): Promise<Gap[]> {
  const { account, api, lookbackMs } = pipelineOf(config, pipeline).source;
  return openGaps(db, id, { lookbackMs: await lookbackAge(db, account, lookbackMs), archive: getApi(api, config.apis).archive });
}
