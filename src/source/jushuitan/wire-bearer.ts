import type { BearerAccount } from "../../config/types.ts";
import { envelopeOf, readObject } from "./envelope.ts";
import { JSON_TYPE } from "./wire-legacy.ts";
import { present, type Wire } from "./wire.ts";

/** The code of a refused token on both platforms. */
const TOKEN_REFUSED = 100;

/** The simple form: a bearer token and a JSON body. Its answers need no `code`: HTTP 2xx with `msg` is one. */
export function bearerWire({ baseUrl, token: seed }: BearerAccount): Wire {
  return {
    secrets: present([seed]),
    nameOf: ({ path }) => path,
    write: ({ path, biz }, token) => ({
      url: `${baseUrl}/api/${path}`, body: biz ?? "{}", secrets: [],
      headers: { "Content-Type": JSON_TYPE, ...(token === null ? {} : { Authorization: `Bearer ${token}` }) },
    }),
    read(text, status) {
      const body = readObject(text);
      if (typeof body !== "string" && Object.hasOwn(body, "code")) return envelopeOf(body);
      if (status === 401 || status === 403) return envelopeOf({ ...(typeof body === "string" ? {} : body), code: TOKEN_REFUSED });
      if (typeof body === "string") return body;
      if (status < 200 || status >= 300) return "a JSON body without `code`";
      if (!Object.hasOwn(body, "msg")) return "a JSON body without `msg`";
      const envelope = envelopeOf({ ...body, code: 0 });
      return typeof envelope === "string" ? envelope : { ...envelope, body };
    },
  };
}
