import type { TestProject } from "vitest/node";
import { startServerHost } from "./server-host.ts";

declare module "vitest" {
  interface ProvidedContext {
    /** Where tests ask for the run's servers: test/support/servers.ts. */
    serverHost: string;
  }
}

/** One host for the run; Postgres and Temporal start when the first test asks for them. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const host = await startServerHost();
  project.provide("serverHost", host.url);
  return host.stop;
}
