import { readFileSync } from "node:fs";
import { createRequire, isBuiltin } from "node:module";
import path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import type * as Esbuild from "esbuild";
import { ConfigError } from "../errors.ts";

/** A config file and its local imports as one module. */
export interface Bundle {
  code: string;
  /** Source map of the code: JSON, sources relative to the config file's folder. */
  map: string;
  /** The files that it was made of, this program's own left out (absolute paths, sorted). */
  inputs: string[];
}

const SOURCES = fileURLToPath(new URL("../", import.meta.url));
const PROGRAM = fileURLToPath(new URL("../index.ts", import.meta.url));
const LOCATIONS = { "import.meta.url": "__config_url", "import.meta.filename": "__config_file", "import.meta.dirname": "__config_dir", __filename: "__config_file", __dirname: "__config_dir" };
const PREFIX = "tidemark-config:";

/**
 * Bundles a config file, so that any Node runs it without a loader: `tidemark` is this program wherever the file lies,
 * packages stay outside and are found from the file that imports them.
 * @throws ConfigError `TM_CONFIG_SYNTAX`, with file and line
 */
export async function bundleConfig(file: string): Promise<Bundle> {
  const folder = path.dirname(file);
  const esbuild = loadEsbuild();
  try {
    const { outputFiles, metafile } = await esbuild.build({
      entryPoints: [file], absWorkingDir: folder, outfile: path.join(folder, "tidemark.config.bundle.mjs"),
      bundle: true, write: false, metafile: true, format: "esm", platform: "node", target: "node20", sourcemap: "external", logLevel: "silent",
      define: LOCATIONS,
      banner: { js: `import { createRequire as __createRequire } from "node:module"; const require = __createRequire(${JSON.stringify(pathToFileURL(file).href)});` },
      plugins: [imports, locations],
    });
    const text = (ending: string) => outputFiles.find((output) => output.path.endsWith(ending))!.text;
    const inputs = Object.keys(metafile.inputs).map((name) => path.resolve(folder, name)).filter((name) => !name.startsWith(SOURCES)).sort();
    return { code: text(".mjs"), map: text(".map"), inputs };
  } catch (error) {
    throw asConfigError(error, file);
  }
}

/**
 * Where in a JSON text the first error lies, as esbuild sees it.
 * @throws ConfigError `TM_CONFIG_SYNTAX`
 */
export async function checkJson(text: string, file: string): Promise<void> {
  try {
    await loadEsbuild().transform(text, { loader: "json", sourcefile: file, logLevel: "silent" });
  } catch (error) {
    throw asConfigError(error, file);
  }
}

const imports: Esbuild.Plugin = {
  name: "tidemark-imports",
  setup(build) {
    build.onResolve({ filter: /^tidemark$/ }, () => ({ path: PROGRAM }));
    build.onResolve({ filter: /^[^./#]/ }, async (request) => {
      if (request.kind === "entry-point" || request.pluginData === PREFIX || path.isAbsolute(request.path) || isBuiltin(request.path)) return undefined;
      const { importer, kind, resolveDir } = request;
      const found = await build.resolve(request.path, { importer, kind, resolveDir, pluginData: PREFIX });
      if (found.errors.length > 0 || found.external) return found;
      // Bundled, a package would lose its own location; a workspace's own sources are like local files.
      const isPackage = found.path.includes(`${path.sep}node_modules${path.sep}`);
      return isPackage ? { path: kind === "require-call" ? found.path : pathToFileURL(found.path).href, external: true } : found;
    });
  },
};

/** A bundled file still knows where it lies. */
const locations: Esbuild.Plugin = {
  name: "tidemark-locations",
  setup(build) {
    build.onLoad({ filter: /\.[cm]?[jt]sx?$/ }, ({ path: file }) => {
      const [, shebang = "", text = ""] = /^(#![^\n]*\n)?([^]*)$/.exec(readFileSync(file, "utf8"))!;
      return { contents: `${shebang}${leadOf(file)}${text}`, loader: /\.[cm]?tsx?$/.test(file) ? "ts" : "js", resolveDir: path.dirname(file) };
    });
  },
};

/** Stands before a file's first line, so that line numbers stay. */
function leadOf(file: string): string {
  const here = { __config_url: pathToFileURL(file).href, __config_file: file, __config_dir: path.dirname(file) };
  return Object.entries(here).map(([name, value]) => `const ${name}=${JSON.stringify(value)};`).join("");
}

/** tsx brings esbuild along; it is not ours to name. */
function loadEsbuild(): typeof Esbuild {
  const tsx = createRequire(import.meta.url).resolve("tsx/package.json");
  return createRequire(tsx)("esbuild") as typeof Esbuild;
}

function asConfigError(error: unknown, file: string): unknown {
  const failure = (error as Partial<Esbuild.BuildFailure>).errors?.[0];
  if (failure === undefined) return error;
  const { location, text } = failure;
  const { place, line } = location === null ? { place: file, line: "" } : placeOf(location, path.dirname(file));
  return new ConfigError("TM_CONFIG_SYNTAX", `${place}: ${text}${line}`, { path: place, fix: "Correct the file at that place.", cause: error });
}

function placeOf({ file: name, line, column, lineText }: Esbuild.Location, folder: string): { place: string; line: string } {
  const file = path.resolve(folder, name);
  const lead = lineText.startsWith(leadOf(file)) ? leadOf(file).length : 0;
  // esbuild counts bytes.
  const before = Buffer.from(lineText).subarray(0, column).toString().length;
  return { place: `${file}:${line}:${before - lead + 1}`, line: `\n  ${lineText.slice(lead).trim()}` };
}
