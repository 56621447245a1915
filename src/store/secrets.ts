import { createCipheriv, createDecipheriv, createHash, randomBytes } from "node:crypto";
import { StoreError } from "../errors.ts";

/** Encrypts with AES-256-GCM: 12 bytes nonce, 16 bytes tag, then the text. */
export function seal(key: Buffer, text: string): Buffer {
  const nonce = randomBytes(12);
  const cipher = createCipheriv("aes-256-gcm", key, nonce);
  const body = Buffer.concat([cipher.update(text, "utf8"), cipher.final()]);
  return Buffer.concat([nonce, cipher.getAuthTag(), body]);
}

/** @throws StoreError `TM_KEY_MISMATCH` when it was sealed with another key */
export function open(key: Buffer, sealed: Buffer): string {
  try {
    const decipher = createDecipheriv("aes-256-gcm", key, sealed.subarray(0, 12));
    decipher.setAuthTag(sealed.subarray(12, 28));
    return Buffer.concat([decipher.update(sealed.subarray(28)), decipher.final()]).toString("utf8");
  } catch {
    throw new StoreError("TM_KEY_MISMATCH", "a stored token cannot be decrypted: it was stored under another TIDEMARK_KEY", {
      fix: "Set TIDEMARK_KEY to the key used before.",
    });
  }
}

/** What may be shown of a token: enough to tell two apart, nothing to use. */
export function fingerprint(token: string): string {
  return createHash("sha256").update(token).digest("hex").slice(0, 12);
}
