// Loaded by `--import …?parent=PID` into the Node processes that we start: one whose parent was killed, and so
// could not end it, ends by itself. (Its parent's id changes then; on Windows it does not.)
import process from "node:process";
import { isMainThread } from "node:worker_threads";

const CHECK_MS = 500;
const ORDERLY_MS = 10_000;

function isGone(pid) {
  try {
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return error.code === "ESRCH";
  }
}

function end() {
  setTimeout(() => process.kill(process.pid, "SIGKILL"), ORDERLY_MS).unref();
  process.kill(process.pid, "SIGTERM");
}

if (isMainThread) {
  const parent = process.ppid;
  // The one that started this process may have been killed before this line ran.
  const starter = Number(new URL(import.meta.url).searchParams.get("parent"));
  const timer = setInterval(() => {
    if (process.ppid === parent && !isGone(starter)) return;
    clearInterval(timer);
    end();
  }, CHECK_MS).unref();
}
