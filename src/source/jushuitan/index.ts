export { authorisationUrl, exchangeCode, getInitToken, refreshToken, type AuthOptions, type TokenGrant } from "./auth.ts";
export { checkParams } from "./biz.ts";
export { adviceFor, canRead, CATALOGUE, findApi, getApi, UNREADABLE } from "./catalogue.ts";
export type { HttpOptions } from "./client.ts";
export { answerProblem, REFRESH, type BearerAnswer, type BearerEntry, refreshBearer, refreshLegacy } from "./refresh.ts";
export { rowsFromTexts } from "./rows.ts";
export { readShops, type Shop } from "./shops.ts";
export { createJushuitanSource, type JushuitanSourceOptions } from "./source.ts";
