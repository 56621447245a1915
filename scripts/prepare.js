// Makes `npm start` and `npm test` work on a machine that has only Node (and Go, where Temporal's download
// cannot be reached): packages as the lockfile says, and a Temporal server. Everything it says goes to standard
// error, and nothing when there is nothing to do.
import path from "node:path";
import process from "node:process";
import { withLock } from "../src/local/lock.js";
import { findTemporalBinary, namesTemporalServer, programRoot } from "../src/local/temporal-binary.js";
import { getTemporalBinary } from "./lib/get-temporal.js";
import { installPackages, packagesAreCurrent } from "./lib/packages.js";

const state = path.join(programRoot, ".tidemark");

function say(line) {
  process.stderr.write(`tidemark: ${line}\n`);
}

/** Does `work` unless `done`; side by side with another such process, one works and the other waits. */
async function once(name, done, work) {
  if (done()) return;
  await withLock(path.join(state, `${name.replace(" ", "-").toLowerCase()}.lock`), async () => (done() ? undefined : await work()), {
    timeoutMs: 20 * 60_000,
    onWait: () => say(`waiting for another start that gets the ${name}…`),
  });
}

async function prepare() {
  await once("packages", () => packagesAreCurrent(programRoot), () => installPackages(programRoot, say));
  if (namesTemporalServer()) return;
  await once("Temporal server", () => findTemporalBinary() !== null, () => getTemporalBinary(path.join(state, "bin"), say));
}

// Checked here, since npm only warns: the program would fail later with a syntax error.
const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
if (major < 20 || (major === 20 && minor < 3)) {
  say(`Node ${process.versions.node} is too old: 20.3 or newer is needed (https://nodejs.org).`);
  process.exitCode = 1;
} else {
  try {
    await prepare();
  } catch (error) {
    say(error.message);
    process.exitCode = 1;
  }
}
