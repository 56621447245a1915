import type { JushuitanOptions } from "../../simulator/jushuitan/server.ts";
import { defineCommand } from "../command.ts";
import { given, serve, share, type SimulatorOptions, spread, startOrRefuse, wholeNumber, withCommonOptions } from "./simulate.ts";

interface Options extends SimulatorOptions {
  orders?: number;
  days?: number;
  changes?: number;
  inserts?: number;
  late?: number;
  perSecond?: number;
  perMinute?: number;
  limits: boolean;
  kind?: string;
  appKey?: string;
  appSecret?: string;
}

/** Those that a client has to survive; short pages and false totals are switched on by --options alone. */
const FAULTS = ["drop", "dropAfter", "html502", "http500", "html200", "emptyBody", "cutJson", "code199", "code200", "code100"];

export const simulateJushuitan = defineCommand<Options>({
  name: "simulate jushuitan",
  summary: "a simulated Jushuitan on the real wire",
  description: "Runs a simulated Jushuitan on 127.0.0.1 until Ctrl-C: orders, outbound documents, shops and tokens, with signatures, request limits, data that changes between requests, and faults. One address speaks as the new open platform, as the old one (/api/open/query.aspx) and in the simple form (/api/refresh.token). Prints the environment for a config.",
  examples: [
    "tidemark simulate jushuitan --port 4010 --orders 20000 --days 6 --changes 2 --inserts 1 --late 0.2",
    "tidemark simulate jushuitan --no-limits --faults 0.05 --seed 7",
    "tidemark simulate jushuitan --options '{\"legacyExpiresInSeconds\":259200,\"legacyCacheMs\":30000,\"bearerIds\":[\"12345\",\"67890\"]}'",
    "tidemark simulate jushuitan --options '{\"windowOrder\":\"modified-desc\",\"oddities\":false}' --json",
  ],
  configure: (command) =>
    withCommonOptions(command)
      .option("--orders <number>", "orders at the start (default: 1000)", wholeNumber)
      .option("--days <number>", "they were modified over so many days before the start (default: 6)", wholeNumber)
      .option("--changes <number>", "orders that change between any two requests (default: 0)", wholeNumber)
      .option("--inserts <number>", "new orders between any two requests (default: 0)", wholeNumber)
      .option("--late <share>", "share of the writes that become visible only up to 6 s later", share)
      .option("--per-second <number>", "requests that it grants a second (default: 5)", wholeNumber)
      .option("--per-minute <number>", "requests that it grants a minute (default: 100)", wholeNumber)
      .option("--no-limits", "grants any number of requests")
      .option("--kind <kind>", "of the app on the new platform: self or isv (default: self)")
      .option("--app-key <key>", "the app's key")
      .option("--app-secret <secret>", "the app's secret"),
  async run({ json }, flags) {
    const [{ startJushuitan }, { parseOptions }, { LEGACY_PATH }] = await Promise.all([
      import("../../simulator/jushuitan/server.ts"), import("../../simulator/jushuitan/options.ts"), import("../../simulator/jushuitan/legacy.ts"),
    ]);
    const options = asOptions(flags);
    const simulator = await startOrRefuse(() => startJushuitan(options));
    const { appKey, appSecret, partnerId, partnerKey, legacyToken, bearerToken } = parseOptions(options);
    return serve(json, simulator, {
      JST_BASE_URL: simulator.url, JST_APP_KEY: appKey, JST_APP_SECRET: appSecret,
      JST_LEGACY_URL: simulator.url + LEGACY_PATH, JST_PARTNER_ID: partnerId, JST_PARTNER_KEY: partnerKey, JST_LEGACY_TOKEN: legacyToken, JST_BEARER_TOKEN: bearerToken,
    });
  },
});

function asOptions(flags: Options): JushuitanOptions {
  const { changes, inserts, late, latency, faults, kind, limits, options, ...same } = flags;
  return {
    ...options,
    ...given(same),
    ...(limits ? {} : { perSecond: null, perMinute: null }),
    ...given({
      changesPerRequest: changes, insertsPerRequest: inserts, latencyMs: latency, appKind: kind,
      lateCommits: late === undefined ? undefined : { share: late, minMs: 200, maxMs: 6_000 },
      faults: faults === undefined ? undefined : spread(faults, FAULTS),
    }),
  };
}
