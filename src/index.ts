export { defineConfig, env, type EnvReference } from "./config/define.ts";
export type { UserAccount, UserApi, UserAppAccount, UserBearerAccount, UserLegacyAccount, UserConfig, UserPipeline, UserQeasyTarget, UserSource } from "./config/user-config.ts";
export { defineMapping, type ScriptRecord, type Transform, type TransformContext, type UserField, type UserMapping, type UserRecordMapping } from "./config/user-mapping.ts";
