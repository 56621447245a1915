export { defineConfig, env, type EnvReference } from "./config/define.ts";
export type { UserAccount, UserApi, UserAppAccount, UserBearerAccount, UserLegacyAccount, UserConfig, UserPipeline, UserQeasyTarget, UserSource } from "./config/user-config.ts";
