import type { QeasyOptions } from "../../simulator/qeasy/server.ts";
import { defineCommand } from "../command.ts";
import { given, serve, type SimulatorOptions, spread, startOrRefuse, wholeNumber, withCommonOptions } from "./simulate.ts";

interface Options extends SimulatorOptions {
  interface?: string;
  secret?: string;
  maxRecords?: number;
  refuse?: string[];
}

const FAULTS = ["drop", "dropAfter", "http500", "http503", "http429", "emptyBody", "html200"];

export const simulateQeasy = defineCommand<Options>({
  name: "simulate qeasy",
  summary: "a simulated Qeasy on the real wire",
  description: "Runs a simulated Qeasy on 127.0.0.1 until Ctrl-C: its write interface, which keeps what came last for each id, with refusals and faults. Prints the environment for a config.",
  examples: [
    "tidemark simulate qeasy --port 4020",
    "tidemark simulate qeasy --secret s3cret --max-records 200 --faults 0.05",
    "tidemark simulate qeasy --refuse 20001 20002",
  ],
  configure: (command) =>
    withCommonOptions(command)
      .option("--interface <name>", "name of the write interface (default: 写入空操作)")
      .option("--secret <secret>", "wanted as Authorization: Bearer <secret>")
      .option("--max-records <number>", "more in one request are answered with 413", wholeNumber)
      .option("--refuse <id...>", "ids that are refused, each with the whole request that holds it"),
  async run({ json }, flags) {
    const { startQeasy } = await import("../../simulator/qeasy/server.ts");
    const options = asOptions(flags);
    const simulator = await startOrRefuse(() => startQeasy(options));
    return serve(json, simulator, { QEASY_BASE_URL: simulator.url, ...(options.secret ? { QEASY_SECRET: options.secret } : {}) });
  },
});

function asOptions({ refuse, latency, faults, options, ...same }: Options): QeasyOptions {
  return { ...options, ...given(same), ...given({ refuseIds: refuse, latencyMs: latency, faults: faults === undefined ? undefined : spread(faults, FAULTS) }) };
}
