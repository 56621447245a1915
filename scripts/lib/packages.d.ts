/** Whether node_modules holds what package-lock.json says, by versions. */
export function packagesAreCurrent(root: string): boolean;
export function installPackages(root: string, say: (line: string) => void): Promise<void>;
