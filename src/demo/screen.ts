import { MultiBar, Presets, type SingleBar } from "cli-progress";
import pc from "picocolors";
import type { Proof } from "./proof.ts";
import { holds } from "./proof.ts";

/** Where the demo says what it does: bars on a terminal, lines elsewhere. Everything goes to standard error. */
export interface Screen {
  say: (text: string) => void;
  show: (read: number, loaded: number, total: number) => void;
  endBars: () => void;
}

export function openScreen(terminal: boolean): Screen {
  let bars: MultiBar | undefined;
  let reading: SingleBar | undefined;
  let loading: SingleBar | undefined;
  const endBars = () => {
    bars?.stop();
    bars = undefined;
  };
  return {
    endBars,
    say(text) {
      if (bars === undefined) process.stderr.write(`${text}\n`);
      else bars.log(`${text}\n`);
    },
    show(read, loaded, total) {
      if (!terminal) return;
      if (bars === undefined) {
        bars = new MultiBar({ format: "{what} {bar} {value}/{total} orders  {rate}", hideCursor: true, stream: process.stderr, etaBuffer: 50 }, Presets.shades_grey);
        reading = bars.create(total, 0, { what: "read  ", rate: "" });
        loading = bars.create(total, 0, { what: "loaded", rate: "" });
      }
      reading?.update(Math.min(read, total));
      loading?.update(Math.min(loaded, total));
    },
  };
}

/** The proof as people read it. @param goesOn whether the servers stay after it */
export function printedProof(proof: Proof, goesOn: boolean): string {
  const good = (value: number) => (value === 0 ? pc.green("0") : pc.red(String(value)));
  const lines: [string, string][] = [
    ["orders in the source", String(proof.source)],
    ["orders in the target", String(proof.target)],
    ["missing", good(proof.missing)],
    ["stale", good(proof.stale)],
    ["duplicated", good(proof.duplicated)],
    ["content differs", good(proof.wrongContent)],
    ["pages asked for twice", String(proof.pagesAskedTwice)],
    ["requests per 1,000 orders", String(proof.requestsPer1000)],
  ];
  return [
    "",
    holds(proof) ? pc.bold(pc.green("Nothing was missed.")) : pc.bold(pc.red("Source and target differ.")),
    `Compared order by order, byte for byte, while the source made ${proof.changes} changes and ${proof.inserts} new orders (${proof.late} of them visible late) and ${proof.workersKilled} workers were killed (${proof.seconds} s).`,
    "",
    ...lines.map(([label, value]) => `  ${label.padEnd(28)}${value}`),
    "",
    `"All" means every order that the API returns. It never returns:`,
    ...proof.neverReturns.map((gap) => `  - ${gap}`),
    ...(proof.silentShops.length === 0 ? [] : [`Shops without a single order (not covered, or no sales): ${proof.silentShops.map((shop) => shop.name).join(", ")}`]),
    "",
    goesOn ? "Read what happened in Temporal's UI:" : "In Temporal's UI, which ends with this program (without --once, on a terminal, it stays):",
    ...proof.workflows.map(({ id, link }) => `  ${id}\n    ${link}`),
    "",
  ].join("\n");
}
