/** What Node must be started with so that it runs TypeScript; absolute, so the working folder does not matter. */
export function tsxArguments(): string[];
/** As `tsxArguments`, for a process that must not outlive this one. */
export function childArguments(): string[];
/** Makes this process run TypeScript; false where only a process started with `tsxArguments()` can. */
export function registerTsx(): Promise<boolean>;
