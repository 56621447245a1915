import { randomBytes } from "node:crypto";
import { linkSync, mkdirSync, readFileSync, renameSync, unlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { processIdentity } from "./process-identity.js";

/**
 * Runs `work` while no other process of this machine holds `file`. The lock of a process that died is taken
 * over. Plain JavaScript, since scripts/prepare.js needs it before any package is installed.
 */
export async function withLock(file, work, options = {}) {
  mkdirSync(path.dirname(file), { recursive: true });
  const mine = JSON.stringify({ pid: process.pid, identity: processIdentity(process.pid), nonce: randomBytes(8).toString("hex") });
  const deadline = Date.now() + (options.timeoutMs ?? 60_000);
  let told = false;
  while (!take(file, mine)) {
    if (Date.now() > deadline) throw new Error(`${file} has been held by another process for too long; remove it if nothing runs`);
    if (!told) options.onWait?.();
    told = true;
    await sleep(100);
  }
  try {
    return await work();
  } finally {
    if (read(file) === mine) unlinkSync(file);
  }
}

function take(file, mine) {
  const fresh = `${file}.${process.pid}.${randomBytes(4).toString("hex")}`;
  // A link appears with its content at once: nobody can read a half-written lock.
  writeFileSync(fresh, mine, { mode: 0o600 });
  try {
    if (link(fresh, file)) return true;
    const held = read(file);
    if (held === null || isHeld(held)) return false;
    removeStale(file, held);
    return link(fresh, file);
  } finally {
    unlinkSync(fresh);
  }
}

function isHeld(content) {
  try {
    const { pid, identity } = JSON.parse(content);
    return processIdentity(pid) === identity;
  } catch {
    return false;
  }
}

/** Moves the dead lock away; if another process was quicker and it is a live one that we moved, puts it back. */
function removeStale(file, held) {
  const aside = `${file}.stale.${randomBytes(4).toString("hex")}`;
  try {
    renameSync(file, aside);
  } catch {
    return;
  }
  if (read(aside) !== held) link(aside, file);
  unlinkSync(aside);
}

function link(from, to) {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if (error.code === "EEXIST") return false;
    throw error;
  }
}

function read(file) {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return null;
  }
}
