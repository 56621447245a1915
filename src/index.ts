export { defineConfig, env, type EnvReference } from "./config/define.ts";
export type { UserAccount, UserConfig, UserPipeline, UserQeasyTarget, UserSource } from "./config/user-config.ts";
