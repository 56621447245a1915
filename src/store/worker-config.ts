import { createHash } from "node:crypto";
import type { PipelineConfig, TargetConfig, TidemarkConfig } from "../config/types.ts";
import { canonical } from "./state-document.ts";

const SECRETS: ReadonlySet<string> = new Set(["appSecret", "accessToken", "refreshToken", "partnerKey", "token"]);

/** Digests of what a run of a pipeline depends on, by part of the config. Nothing secret goes into them. */
export function configParts({ accounts }: Pick<TidemarkConfig, "accounts">, pipeline: PipelineConfig): Record<string, string> {
  const { name: _name, schedule: _schedule, audit: _audit, freshnessMs: _freshness, target, mapping, ...rest } = pipeline;
  const account = Object.fromEntries(Object.entries(accounts[pipeline.source.account]!).filter(([name]) => !SECRETS.has(name)));
  const { hashKey, script, qeasy, ...shown } = mapping;
  // A script counts by its text, a strategy by what makes records in it: workers may keep them in different folders.
  const parts = { ...rest, mapping: { ...shown, hashed: hashKey !== undefined, script: script?.hash ?? null, ...(qeasy === undefined ? {} : { qeasy: qeasy.hash }) }, target: withoutSecrets(target), account };
  return Object.fromEntries(Object.entries(parts).map(([part, value]) => [part, createHash("sha256").update(canonical(value)).digest("hex").slice(0, 16)]));
}

function withoutSecrets(target: TargetConfig): object {
  if (target.use === "qeasy") return { ...target, headers: Object.keys(target.headers).toSorted() };
  if (target.use === "module") return { ...target, file: null, options: Object.keys(target.options).toSorted() };
  const { host, pathname } = new URL(target.url);
  return { ...target, url: host + pathname };
}
