import { randomBytes } from "node:crypto";
import { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { ConfigError } from "../errors.ts";

const BYTES = 32;
const EXAMPLE = "node -e \"console.log(require('crypto').randomBytes(32).toString('base64'))\"";

/**
 * The key that encrypts tokens in the store: TIDEMARK_KEY, else the file `key` of the home folder, which is
 * made (mode 0600) when `embedded`. Processes that make it at once agree on one.
 * @returns 32 bytes
 * @throws ConfigError TM_KEY
 */
export function storeKey(home: string, options: { embedded: boolean; env?: NodeJS.ProcessEnv }): Buffer {
  const given = (options.env ?? process.env)["TIDEMARK_KEY"];
  if (given !== undefined && given !== "") return decode(given, "TIDEMARK_KEY");
  const file = path.join(home, "key");
  const kept = read(file) ?? (options.embedded ? make(file) : null);
  if (kept !== null) return decode(kept, file);
  throw new ConfigError("TM_KEY", "TIDEMARK_KEY is not set: the key that encrypts tokens in the store", {
    path: "TIDEMARK_KEY",
    fix: `Make one (${EXAMPLE}), keep it with your other secrets, and give the same to every worker and command.`,
  });
}

function decode(text: string, where: string): Buffer {
  const trimmed = text.trim();
  const key = Buffer.from(trimmed, "base64");
  if (key.length === BYTES && /^[A-Za-z0-9+/_-]+={0,2}$/.test(trimmed)) return key;
  throw new ConfigError("TM_KEY", `${where} holds ${key.length} bytes of base64; the key has ${BYTES}`, { path: where, fix: `Make one: ${EXAMPLE}` });
}

/** A link appears with its content at once, and only once: whoever is late reads the first one's key. */
function make(file: string): string {
  mkdirSync(path.dirname(file), { recursive: true });
  const fresh = `${file}.${process.pid}.${randomBytes(4).toString("hex")}`;
  const key = randomBytes(BYTES).toString("base64");
  writeFileSync(fresh, `${key}\n`, { mode: 0o600 });
  try {
    linkSync(fresh, file);
    return key;
  } catch (error) {
    const other = read(file);
    if (other === null) throw error;
    return other;
  } finally {
    rmSync(fresh, { force: true });
  }
}

function read(file: string): string | null {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return null;
    throw error;
  }
}
