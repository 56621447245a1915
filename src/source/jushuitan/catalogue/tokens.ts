import { REFRESH } from "../refresh.ts";
import { describe } from "./describe.ts";

/** The exchange of a bearer account's tokens: each run makes one, and its records tell of it. */
export const REFRESH_TOKEN = describe({
  path: REFRESH, method: REFRESH, call: true, title: "刷新令牌", listFields: ["msg"], idField: "id", modifiedField: "time", totals: false, windowKeys: null, windowMs: 0,
});
