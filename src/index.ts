export { defineConfig, env, type EnvReference } from "./config/define.ts";
export type { UserAccount, UserApi, UserConfig, UserPipeline, UserQeasyTarget, UserSource } from "./config/user-config.ts";
