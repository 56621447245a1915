import type { LoadedConfig } from "../../config/load.ts";
import type { TokenView } from "../../ops/tokens.ts";
import type { RefreshReport } from "../../tokens/tokens.ts";
import { type CommandContext, type CommandResult, defineCommand, defineGroup } from "../command.ts";
import { suggest } from "../../config/nearest.ts";
import { withStore } from "../connected.ts";
import { UsageError } from "../failure.ts";
import { untilInterrupted } from "../interrupt.ts";
import { list, say, table } from "../output.ts";
import { readSecret } from "../secret-input.ts";

export const token = defineGroup("token", "an account's token: show, refresh, set, authorize", ["tidemark token show main", "tidemark token set old < token.txt", "tidemark token authorize shop"]);

export const tokenShow = defineCommand({
  name: "token show",
  summary: "fingerprint, expiry and how it is known; never the token",
  examples: ["tidemark token show main", "tidemark token show main --json | jq .expiresAt"],
  configure: (command) => command.argument("<account>", "name of the account in the config"),
  async run(context, _options, [name = ""]) {
    return withStore(await configOf(context, name), async (services) => {
      const { showToken } = await import("../../ops/tokens.ts");
      return shown(await showToken(services, name));
    }, { orEmbedded: true });
  },
});

export const tokenRefresh = defineCommand({
  name: "token refresh",
  summary: "refresh now, if that takes effect now",
  description: "self: in the last 12 hours before expiry. legacy: in the last week; business calls wait a while after it. isv: never, only its expiry is told. bearer: always, and every token of the answer is stored; no record goes to a target, which a run of the pipeline would send.",
  examples: ["tidemark token refresh main"],
  configure: (command) => command.argument("<account>", "name of the account in the config"),
  async run(context, _options, [name = ""]) {
    return withStore(await configOf(context, name), async (services) => {
      const { refreshToken } = await import("../../ops/tokens.ts");
      const report = await refreshToken(services, name, untilInterrupted());
      return { ...shown(report), text: `${OUTCOMES[report.outcome]}\n\n${shown(report).text}`, exitCode: report.outcome === "authorise-again" ? 1 : 0 };
    }, { orEmbedded: true });
  },
});

const OUTCOMES: Record<RefreshReport["outcome"], string> = {
  "refreshed": "Refreshed.",
  "no-effect": "Asked for, without effect: the expiry did not move, or no new token was given.",
  "not-due": "Not due: a refresh takes effect only shortly before expiry, so none was asked for.",
  "renewed-after-expiry": "It had expired; the app got a new one.",
  "unknown-expiry": "Nobody knows when it expires, so whether a refresh takes effect cannot be told.",
  "authorise-again": "It cannot be refreshed: the merchant has to authorise again.",
  "watched": "Tokens of this kind are never refreshed; the expiry is watched.",
};

export const tokenSet = defineCommand<{ expires?: string; fromEnv?: string }>({
  name: "token set",
  summary: "store a token, from standard input, a prompt or the environment",
  description: "Puts a token in the place of the one that is stored. It is read from standard input, asked for on a terminal, or taken from an environment variable; never from the command line, which others can see.",
  examples: ["tidemark token set old --expires 2027-01-31", "tidemark token set old < token.txt", "tidemark token set simple --from-env NEW_TOKEN"],
  configure: (command) =>
    command.argument("<account>", "name of the account in the config")
      .option("--expires <date>", "when it expires; a time without zone is Asia/Shanghai")
      .option("--from-env <name>", "the environment variable that holds it"),
  async run(context, { expires, fromEnv }, args) {
    const [name = ""] = args;
    const { parseDate } = await import("../../config/dates.ts");
    const expiresAt = expires === undefined ? null : parseDate(expires, "--expires");
    const config = await configOf(context, name);
    const value = fromEnv === undefined ? await readSecret(`Token of ${name} (not shown): `) : (process.env[fromEnv] ?? "").trim();
    if (value === "" || /\s/.test(value)) {
      throw new UsageError("TM_TOKEN_INPUT", value === "" ? "no token was given" : "what was given is no token: it holds white space", {
        path: fromEnv ?? "standard input", fix: `Type it when asked, or: tidemark token set ${name} < token.txt`,
      });
    }
    return withStore(config, async (services) => {
      const { setToken } = await import("../../ops/tokens.ts");
      return shown(await setToken(services, name, value, expiresAt, untilInterrupted()));
    }, { orEmbedded: true });
  },
});

export const tokenAuthorize = defineCommand<{ urlOnly?: true }>({
  name: "token authorize",
  summary: "the page on which a merchant authorises a service provider's app, and the exchange of its code",
  description: "Prints the address of the authorisation page, which holds for 15 minutes. Then takes the code, or the whole address that the page leads back to, from standard input or a prompt, and stores the token that it is exchanged for.",
  examples: ["tidemark token authorize shop", "tidemark token authorize shop --url-only"],
  configure: (command) => command.argument("<account>", "name of the account in the config").option("--url-only", "print the address and nothing else"),
  async run(context, { urlOnly }, [name = ""]) {
    return withStore(await configOf(context, name), async (services) => {
      const { beginAuthorisation, finishAuthorisation } = await import("../../ops/tokens.ts");
      const begun = await beginAuthorisation(services, name);
      if (urlOnly === true) return { json: begun, text: begun.url };
      say(`Have the merchant open this page within 15 minutes:\n\n  ${begun.url}\n`);
      const given = await readSecret("Code, or the address that the page leads back to (not shown): ");
      if (given === "") throw new UsageError("TM_TOKEN_INPUT", "no code was given", { path: "standard input", fix: "Give the code that the page hands back; --url-only prints the address alone." });
      return shown(await finishAuthorisation(services, name, given, begun, untilInterrupted()));
    }, { orEmbedded: true });
  },
});

/** Loads the config with all that the account needs. @throws UsageError `TM_ACCOUNT_UNKNOWN` */
async function configOf(context: CommandContext, name: string): Promise<LoadedConfig> {
  const config = await context.config({ accounts: [name] });
  if (Object.hasOwn(config.accounts, name)) return config;
  throw new UsageError("TM_ACCOUNT_UNKNOWN", `there is no account "${name}" in ${config.file}`, { path: `accounts.${name}`, fix: suggest(name, Object.keys(config.accounts)) });
}

function shown(view: TokenView): CommandResult {
  const { account, kind, fingerprint, id, obtainedAt, expiresAt, expiryKnown, notice, tokens } = view;
  const text = [
    list([
      ["account", `${account}, kind ${kind}`],
      ["token", fingerprint === null ? "none" : `fingerprint ${fingerprint}${id === null ? "" : `, id ${id}`}`],
      ["obtained", obtainedAt ?? "-"],
      ["expires", expiresAt === null ? "not known" : `${expiresAt}, ${expiryKnown}`],
    ]),
    ...(tokens.length === 0 ? [] : ["", table(["id", "fingerprint", "refreshes", "obtained"], tokens.map((one) => [one.id, one.fingerprint, one.refreshes, one.obtainedAt ?? "-"]))]),
    ...(notice === null ? [] : ["", notice]),
  ].join("\n");
  return { json: view, text };
}
