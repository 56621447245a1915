import type { AppAccount } from "../../config/types.ts";
import { readEnvelope } from "./envelope.ts";
import { FORM_TYPE, signedForm } from "./form.ts";
import { sign } from "./sign.ts";
import { present, type Wire } from "./wire.ts";

/** The new open platform: everything in a signed form. */
export function appWire({ baseUrl, appKey, appSecret, accessToken, refreshToken }: AppAccount): Wire {
  return {
    secrets: present([appKey, appSecret, accessToken, refreshToken]),
    nameOf: ({ path }) => path,
    write({ path, biz, fields: own }, token, timestamp) {
      const business = biz === undefined ? {} : { version: "2", biz };
      const fields = { ...business, ...own, app_key: appKey, ...(token === null ? {} : { access_token: token }), charset: "utf-8", timestamp };
      return { url: baseUrl + path, body: signedForm(fields, appSecret), headers: { "Content-Type": FORM_TYPE }, secrets: [sign(fields, appSecret)] };
    },
    read: readEnvelope,
  };
}
