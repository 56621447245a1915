import { sign, sortedFields, type FormFields } from "./sign.ts";

/** Content type of every request to the new platform. */
export const FORM_TYPE = "application/x-www-form-urlencoded;charset=utf-8";

/** The body of a request: the fields in byte order of their keys, then `sign`. Values are encoded after signing, once. */
export function signedForm(fields: FormFields, appSecret: string): string {
  const pairs = [...sortedFields(fields), ["sign", sign(fields, appSecret)] as const];
  return pairs.map(([key, value]) => `${encodeURIComponent(key)}=${encodeURIComponent(value)}`).join("&");
}
