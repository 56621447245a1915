import { copyFileSync, existsSync, readdirSync, mkdirSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { CONFIG_NAMES } from "../../config/find.ts";
import { defineCommand } from "../command.ts";
import { UsageError } from "../failure.ts";

const EXAMPLES = fileURLToPath(new URL("../../../examples/", import.meta.url));
const FILES = ["tidemark.config.ts", ".env.example"];

const MAPPINGS = "mappings";

export const init = defineCommand<{ force?: true; mappings?: true }>({
  name: "init",
  summary: "write a commented tidemark.config.ts and .env.example into this folder",
  examples: ["tidemark init", "tidemark init --mappings    # and mappings/ with starters for orders, outbound and refunds", "cp .env.example .env    # then fill in the credentials, and:", "tidemark check"],
  configure: (command) => command.option("--mappings", "also write starter mappings into mappings/").option("--force", "write over files that are there"),
  async run(_context, { force, mappings }) {
    const folder = process.cwd();
    const starters = mappings === true ? readdirSync(path.join(EXAMPLES, MAPPINGS)).map((name) => path.join(MAPPINGS, name)) : [];
    const there = [...new Set([...CONFIG_NAMES, ...FILES, ...starters])].filter((name) => existsSync(path.join(folder, name)));
    if (there.length > 0 && force !== true) {
      throw new UsageError("TM_INIT_EXISTS", `${there.join(" and ")} ${there.length === 1 ? "is" : "are"} in ${folder} already; nothing was written`, {
        path: path.join(folder, there[0]!), fix: "Use another folder, or --force to write over them.",
      });
    }
    if (starters.length > 0) mkdirSync(path.join(folder, MAPPINGS), { recursive: true });
    const names = [...FILES, ...starters];
    for (const name of names) copyFileSync(path.join(EXAMPLES, name), path.join(folder, name));
    const written = names.map((name) => path.join(folder, name));
    return {
      json: { written },
      text: `Wrote ${written.join("\n  and ")}\n\nNext: copy .env.example to .env (and keep it out of git), fill in the credentials, then run "tidemark check".`,
    };
  },
});
