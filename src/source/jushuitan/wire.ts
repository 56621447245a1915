import type { AccountConfig } from "../../config/types.ts";
import { appWire } from "./wire-app.ts";
import { bearerWire } from "./wire-bearer.ts";
import type { Envelope } from "./envelope.ts";
import { legacyWire } from "./wire-legacy.ts";
import type { FormFields } from "./sign.ts";

/** One call, whatever the platform. */
export interface Call {
  /** The path on the new platform; names the call in errors where `method` does not. */
  path: string;
  /** The name on the old platform; null: it has none. */
  method?: string | null;
  /** The business parameters as the exact JSON text to be sent. */
  biz?: string;
  /** Fields that only this call carries (the new platform's token calls). */
  fields?: FormFields;
  /** The token to carry instead of the account's newest: it is not renewed when it is refused. */
  token?: string;
  /** Values among the fields that must not appear in errors. */
  secrets?: readonly string[];
}

/** An HTTP request, signed and written. */
export interface WireRequest {
  url: string;
  body: string;
  headers: Readonly<Record<string, string>>;
  /** What it holds that must not appear in errors, beside the account's own secrets. */
  secrets: readonly string[];
}

/** How a kind of account speaks. */
export interface Wire {
  /** The account's own secrets. */
  secrets: readonly string[];
  /** What a call is named in errors. */
  nameOf(call: Call): string;
  /** @param token null for a call that carries none. @param timestamp Unix seconds, decimal */
  write(call: Call, token: string | null, timestamp: string): WireRequest;
  /** The envelope of a body, or in words why it is none; the words hold nothing of the body. */
  read(text: string, status: number): Envelope | string;
}

/** The wire of an account. */
export function wireOf(account: AccountConfig): Wire {
  switch (account.kind) {
    case "legacy":
      return legacyWire(account);
    case "bearer":
      return bearerWire(account);
    default:
      return appWire(account);
  }
}

/** Leaves out what is not there. */
export function present(values: readonly (string | null)[]): string[] {
  return values.filter((value) => value !== null);
}
