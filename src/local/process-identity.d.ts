/** Names a running process, so that a reused process id is not taken for it; null when it does not run (a zombie does not). */
export function processIdentity(pid: number): string | null;
/** The command line, words joined by spaces; "" when there is no such process or it cannot be read. */
export function commandLine(pid: number): string;
