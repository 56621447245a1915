import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import process from "node:process";
import { run } from "./run.js";

/**
 * Whether node_modules holds what package-lock.json says, by versions: npm writes what it installed to
 * node_modules/.package-lock.json. Timestamps tell nothing after a checkout or a copied folder.
 */
export function packagesAreCurrent(root) {
  const wanted = readPackages(path.join(root, "package-lock.json"));
  const installed = readPackages(path.join(root, "node_modules", ".package-lock.json"));
  if (wanted === null) throw new Error("package-lock.json is missing or broken: check it out again");
  if (installed === null) return false;
  const withoutDev = process.env.NODE_ENV === "production" || (process.env.npm_config_omit ?? "").includes("dev");
  for (const [place, entry] of Object.entries(wanted)) {
    if (place === "") continue;
    const found = installed[place];
    if (found === undefined) {
      if (entry.optional || entry.devOptional || (withoutDev && entry.dev)) continue;
      return false;
    }
    if (found.version !== entry.version || found.integrity !== entry.integrity) return false;
    if (!existsSync(path.join(root, place, "package.json"))) return false;
  }
  // A copy nested in a package's own folder hides the one that the lockfile means.
  return Object.keys(installed).every((place) => place in wanted || place.lastIndexOf("node_modules/") === 0);
}

export async function installPackages(root, say) {
  say("installing packages (npm ci, about half a minute)…");
  const npm = process.env.npm_execpath;
  const [command, ...first] = npm !== undefined && /\.c?js$/.test(npm) ? [process.execPath, npm] : [process.platform === "win32" ? "npm.cmd" : "npm"];
  const { code, output } = await run(command, [...first, "ci", "--no-audit", "--no-fund", "--loglevel=error"], { cwd: root });
  if (code === 0 && packagesAreCurrent(root)) return;
  const said = output.trim().split("\n").slice(0, 20).join("\n");
  throw new Error(`npm ci failed:\n${said}\nMake sure that npm's registry can be reached (npm config get registry), then try again.`);
}

function readPackages(file) {
  try {
    return JSON.parse(readFileSync(file, "utf8")).packages ?? null;
  } catch {
    return null;
  }
}
