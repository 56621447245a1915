import type { IncomingMessage } from "node:http";
import type { Random } from "../random.ts";
import { LEGACY_REFUSALS } from "./codes.ts";
import { refused, type Speech } from "./open.ts";
import type { JushuitanSettings } from "./options.ts";
import type { Simulation } from "./simulation.ts";

export const BEARER_PATH = "/api/refresh.token";

/** Tokens of the simple form. */
export class BearerStore {
  refreshed = 0;
  private alive: Set<string>;
  private readonly random: Random;

  constructor({ bearerToken }: JushuitanSettings, random: Random) {
    this.alive = new Set([bearerToken]);
    this.random = random;
  }

  isValid(token: string): boolean {
    return this.alive.has(token);
  }

  revoke(): void {
    this.alive.clear();
  }

  /** New tokens, one an id: the raw text of `msg`. */
  exchange({ bearerIds, bearerMsg, bearerOldDies }: JushuitanSettings, used: string): string {
    this.refreshed++;
    if (bearerMsg === "text") return '"操作成功"';
    const entries = bearerIds.map((id, n) => ({ id, token: this.random.hex(16), shop_name: `店铺${n + 1}` }));
    for (const { token } of entries) this.alive.add(token);
    if (bearerOldDies && entries.length > 0) this.alive.delete(used);
    return JSON.stringify(entries);
  }
}

/** The simple form of refresh.token: a bearer token, the body `{}`, an answer without a code. */
export function bearerSpeech({ store, bearer }: Simulation, req: IncomingMessage): Speech {
  const { settings } = store;
  const token = /^Bearer (.+)$/.exec(req.headers.authorization ?? "")?.[1] ?? "";
  return {
    name: BEARER_PATH, isAuth: true, refusals: LEGACY_REFUSALS,
    biz: (body) => body,
    decide: (body) => (!bearer.isValid(token) ? refused(LEGACY_REFUSALS.token) : body.trim() === "{}" ? refused(bearer.exchange(settings, token)) : refused({ code: 400, msg: "body" })),
    envelope: ({ answer }) => {
      const extra = Object.entries(settings.bearerExtra).map(([key, value]) => `,${JSON.stringify(key)}:${JSON.stringify(value)}`);
      return typeof answer === "string" ? `{"msg":${answer}${extra.join("")}}` : JSON.stringify({ msg: answer.msg });
    },
    status: (answer) => (typeof answer === "string" ? 200 : answer.code === LEGACY_REFUSALS.token.code ? 401 : answer.code === 400 ? 400 : 429),
  };
}
