import { sql } from "kysely";
import { getApi, readShops } from "../source/jushuitan/index.ts";
import { findStream } from "../store/streams.ts";
import { accountOf, pipelineOf, type Services, sourceDeps } from "../sync/services.ts";

/** What a pipeline cannot know, in words for people: part of `check` and of every proof. */
export interface CoverageNote {
  /** What the API never returns. */
  neverReturns: readonly string[];
  /** Why nothing that is read of it is proved; null: it is. */
  notProvable: string | null;
  /** Shops of the account of which no record was ever seen: not covered, or no sales. None where records name no shop. */
  silentShops: { id: string; name: string }[];
}

/** Asks the source for its shops and compares them with those seen in the data. */
export async function coverageNote(services: Services, name: string, signal: AbortSignal): Promise<CoverageNote> {
  const pipeline = pipelineOf(services.config, name);
  const account = accountOf(services.config, pipeline.source.account);
  const shops = await readShops(account, { deps: sourceDeps(services, account, "backfill", signal), signal });
  const stream = await findStream(services.store.db, name);
  const { rows } = await sql<{ shops: string[]; loaded: boolean }>`
    select array(select shop_id from shop_seen where stream_id = ${stream?.id ?? "0"}) as shops, exists (select 1 from record where stream_id = ${stream?.id ?? "0"}) as loaded
  `.execute(services.store.db);
  const { shops: named, loaded } = rows[0]!;
  const seen = new Set(named);
  const { neverReturns, notProvable, shops: nameShops } = getApi(pipeline.source.api, services.config.apis);
  return { neverReturns, notProvable, silentShops: seen.size === 0 && (loaded || nameShops !== true) ? [] : shops.filter((shop) => !seen.has(shop.id)) };
}
