/** Downloads the CLI's archive from `site` and takes the executable out of it into `dir`. Throws with the reason. */
export function downloadTemporal(dir: string, executable: string, site?: string): Promise<void>;
