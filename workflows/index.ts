export { audit } from "./audit.ts";
export { backfill } from "./backfill.ts";
export { refreshToken } from "./refresh-token.ts";
export { sync } from "./sync.ts";
