import { createWriteStream, renameSync } from "node:fs";
import path from "node:path";
import process from "node:process";
import { Readable, Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { TEMPORAL_CLI_VERSION } from "../../src/local/temporal-binary.js";
import { run } from "./run.js";

/** Where the SDK's own download looks: its native core, ephemeral_server/mod.rs. */
const SITE = "https://temporal.download";

/** An unreachable host must cost seconds, not minutes (ms). */
const ANSWER_MS = 5_000;
const SILENCE_MS = 20_000;

/** Downloads the CLI's archive and takes the executable out of it into `dir`. Throws with the reason. */
export async function downloadTemporal(dir, executable, site = SITE) {
  const platform = { win32: "windows", darwin: "darwin", linux: "linux" }[process.platform];
  const arch = { x64: "amd64", arm64: "arm64" }[process.arch];
  if (platform === undefined || arch === undefined) throw new Error(`there is no build for ${process.platform} ${process.arch}`);
  const query = new URLSearchParams({ arch, platform, format: "tar.gz" });
  const info = await fetchOrThrow(`${site}/cli/${TEMPORAL_CLI_VERSION}?${query}`, AbortSignal.timeout(ANSWER_MS));
  const { archiveUrl, fileToExtract } = await info.json();
  const archive = path.join(dir, "archive.tar.gz");
  await save(archiveUrl, archive);
  const { code, output } = await run("tar", ["-xzf", archive, "-C", dir, fileToExtract]);
  if (code !== 0) throw new Error(`the archive could not be unpacked: ${output.trim()}`);
  if (fileToExtract !== executable) renameSync(path.join(dir, fileToExtract), path.join(dir, executable));
}

async function save(url, file) {
  const silence = new AbortController();
  const timer = setTimeout(() => silence.abort(new Error(`nothing came for ${SILENCE_MS / 1000} s`)), SILENCE_MS);
  const watch = new Transform({
    transform(chunk, _encoding, done) {
      timer.refresh();
      done(null, chunk);
    },
  });
  try {
    const answer = await fetchOrThrow(url, silence.signal);
    await pipeline(Readable.fromWeb(answer.body), watch, createWriteStream(file), { signal: silence.signal });
  } finally {
    clearTimeout(timer);
  }
}

async function fetchOrThrow(url, signal) {
  const host = new URL(url).host;
  let answer;
  try {
    answer = await fetch(url, { signal });
  } catch (error) {
    throw new Error(`${host} cannot be reached (${error.cause?.code ?? error.cause?.message ?? error.message})`, { cause: error });
  }
  if (!answer.ok) throw new Error(`${host} answered ${answer.status}`);
  return answer;
}
