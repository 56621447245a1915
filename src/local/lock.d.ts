/**
 * Runs `work` while no other process of this machine holds `file`. The lock of a process that died is taken over.
 * @param options.timeoutMs how long to wait for another holder (ms), default 60 s; then it throws
 * @param options.onWait called once, when there is something to wait for
 */
export function withLock<T>(file: string, work: () => Promise<T> | T, options?: { timeoutMs?: number; onWait?: () => void }): Promise<T>;
