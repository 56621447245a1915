import { TargetError } from "../errors.ts";
import type { RecordMapping } from "../mapping/types.ts";
import { open, seal } from "../store/secrets.ts";
import type { Target } from "../target/contract.ts";

const SEALED = /tidemark-sealed:([A-Za-z0-9+/=]+)/g;

/** Whether a mapping has a field for the token of `refresh.token`. */
export function wantsToken(mapping: RecordMapping | undefined): boolean {
  return Object.values(mapping?.fields ?? {}).some(({ from }) => from === "token");
}

/** Stands for a token in staged pages, batches and quarantine, until its record is sent. */
export function sealToken(key: Buffer, token: string): string {
  return `tidemark-sealed:${seal(key, token).toString("base64")}`;
}

/** The target, with sealed tokens opened in what is sent and nowhere else: what it says of them comes back without. */
export function openingTokens(target: Target, key: Buffer): Target {
  return {
    ...target,
    async send(records, batchKey, guard) {
      const tokens: string[] = [];
      const opened = records.map((record) => ({
        ...record,
        json: record.json.replaceAll(SEALED, (_, sealed: string) => {
          const token = open(key, Buffer.from(sealed, "base64"));
          tokens.push(token);
          return JSON.stringify(token).slice(1, -1);
        }),
      }));
      await target.send(opened, batchKey, guard).catch((error: unknown) => {
        throw error instanceof TargetError ? without(tokens, error) : error;
      });
    },
  };
}

function without(tokens: readonly string[], { kind, code, message, path, fix, details, retryAfterMs }: TargetError): TargetError {
  const clean = (text: string) => tokens.reduce((rest, token) => rest.replaceAll(token, "***"), text);
  return new TargetError(kind, code, clean(message), {
    details: Object.fromEntries(Object.entries(details).map(([name, value]) => [name, typeof value === "string" ? clean(value) : value])),
    ...(path === undefined ? {} : { path }), ...(fix === undefined ? {} : { fix }), ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  });
}
