import type { LoadedConfig } from "../config/load.ts";
import type { OpenedTemporal } from "../ops/open.ts";
import type { Services } from "../sync/services.ts";

/** Does work with the store, which is closed after it. */
export async function withStore<T>(config: LoadedConfig, work: (services: Services) => Promise<T>, options: { orEmbedded?: boolean } = {}): Promise<T> {
  const { openServices } = await import("../ops/open.ts");
  const opened = await openServices(config, options);
  try {
    return await work(opened.services);
  } finally {
    await opened.close();
  }
}

/** Does work with the store and Temporal, which are closed after it. */
export function withTemporal<T>(config: LoadedConfig, work: (services: Services, temporal: OpenedTemporal) => Promise<T>): Promise<T> {
  return withStore(config, async (services) => {
    const { openTemporal } = await import("../ops/open.ts");
    const temporal = await openTemporal(config);
    try {
      return await work(services, temporal);
    } finally {
      await temporal.close();
    }
  });
}
