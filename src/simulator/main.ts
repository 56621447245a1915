import { startJushuitan, type JushuitanOptions } from "./jushuitan/server.ts";
import { startQeasy, type QeasyOptions } from "./qeasy/server.ts";

/**
 * A simulator as a process of its own: `main.ts jushuitan|qeasy [--options '<JSON>']`. Prints `{"url":"…"}` on one line when it
 * is ready; ends on SIGTERM or SIGINT. Exit 2 = wrong use.
 */
async function main([kind, flag, json = "{}"]: string[]): Promise<void> {
  if ((kind !== "jushuitan" && kind !== "qeasy") || (flag !== undefined && flag !== "--options")) {
    process.stderr.write("usage: main.ts jushuitan|qeasy [--options '<JSON>']\n");
    process.exitCode = 2;
    return;
  }
  const options: unknown = JSON.parse(json);
  const simulator = kind === "jushuitan" ? await startJushuitan(options as JushuitanOptions) : await startQeasy(options as QeasyOptions);
  const stop = () => {
    void simulator.close().finally(() => process.exit(0));
  };
  process.once("SIGTERM", stop).once("SIGINT", stop);
  process.stdout.write(`${JSON.stringify({ url: simulator.url })}\n`);
}

await main(process.argv.slice(2)).catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 2;
});
