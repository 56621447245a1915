import { defineCommand } from "../command.ts";
import { untilInterrupted } from "../interrupt.ts";

const LIMIT_MS = 4_800;

interface DemoOptions {
  once?: true;
  realLimits?: true;
}

export const demo = defineCommand<DemoOptions>({
  name: "demo",
  summary: "the main job on this machine, with simulated systems, ending in a proof (npm start)",
  examples: ["npm start", "npm start -- --once --json", "npm start -- --real-limits"],
  hidden: true,
  configure: (command) =>
    command
      .option("--once", "end after the proof")
      .option("--real-limits", "5 requests a second and 100 a minute, as the real platform grants"),
  async run(context, { once = false, realLimits = false }) {
    const { runDemo } = await import("../../demo/demo.ts");
    const held = await runDemo({ once, realLimits, json: context.json, signal: untilInterrupted({ limitMs: LIMIT_MS }) });
    return { exitCode: held ? 0 : 1 };
  },
});
