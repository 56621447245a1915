/** Puts a binary into `dir`; null when it did, else why not. */
export type TemporalSource = (dir: string, say: (line: string) => void) => Promise<string | null>;
/** Puts the Temporal binary into `dir` by the first source that can. Throws with every source's reason. */
export function getTemporalBinary(dir: string, say: (line: string) => void, sources?: TemporalSource[]): Promise<void>;
