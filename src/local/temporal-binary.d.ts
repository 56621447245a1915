/** The CLI release whose server is used: v1.6 and later cannot be built by `go install`. */
export const TEMPORAL_CLI_VERSION: string;
/** The program's own folder: the one that holds package.json. */
export const programRoot: string;
/** Where scripts/prepare.js puts the binary that it got. */
export const cachedTemporalBinary: string;
/** Whether TEMPORAL_ADDRESS, or the profile that `@temporalio/envconfig` would load, names a server: then none is started here. */
export function namesTemporalServer(env?: NodeJS.ProcessEnv): boolean;
/**
 * The Temporal binary that is there, in this order: TIDEMARK_TEMPORAL_CLI, `temporal` on PATH, the cached one.
 * @throws when TIDEMARK_TEMPORAL_CLI names no executable file
 */
export function findTemporalBinary(env?: NodeJS.ProcessEnv): { path: string; from: "TIDEMARK_TEMPORAL_CLI" | "PATH" | "cache" } | null;
