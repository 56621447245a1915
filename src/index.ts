export { defineConfig, env, type EnvReference } from "./config/define.ts";
export type { UserAccount, UserAppAccount, UserBearerAccount, UserLegacyAccount, UserConfig, UserPipeline, UserQeasyTarget, UserSource } from "./config/user-config.ts";
