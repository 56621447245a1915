import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import process from "node:process";

/**
 * Names a running process so that a reused process id is not taken for it: Linux's boot id and start tick,
 * elsewhere the start time that `ps` prints. Plain JavaScript, since scripts/prepare.js needs it before
 * any package is installed.
 */
export function processIdentity(pid) {
  if (!Number.isInteger(pid) || pid <= 0) return null;
  if (process.platform === "linux") return linuxIdentity(pid);
  if (process.platform === "win32") return isSignalable(pid) ? `pid ${pid}` : null;
  const line = ps(pid, "state=,lstart=");
  return line === "" || line.startsWith("Z") ? null : line.replace(/^\S+\s+/, "");
}

/** The command line, words joined by spaces; "" when there is no such process or it cannot be read. */
export function commandLine(pid) {
  if (process.platform === "win32") return "";
  if (process.platform !== "linux") return ps(pid, "command=");
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0").join(" ").trim();
  } catch {
    return "";
  }
}

function linuxIdentity(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The second field is the command in parentheses and may hold spaces: proc(5).
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    if (fields[0] === "Z" || fields[0] === "X") return null;
    return `${readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim()} ${fields[19]}`;
  } catch {
    return null;
  }
}

function isSignalable(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === "EPERM";
  }
}

function ps(pid, format) {
  try {
    return execFileSync("ps", ["-o", format, "-p", String(pid)], { encoding: "utf8", env: { ...process.env, LC_ALL: "C" } }).trim();
  } catch {
    return "";
  }
}
