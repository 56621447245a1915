export { defineConfig, env, type EnvReference } from "./config/define.ts";
export { TargetError } from "./errors.ts";
export type { HeldRecord, OutRecord, SendGuard, Target } from "./target/contract.ts";
export { defineTarget, type ModuleTarget } from "./target/define.ts";
export type { UserAccount, UserApi, UserAppAccount, UserBearerAccount, UserLegacyAccount, UserConfig, UserModuleTarget, UserPipeline, UserQeasyTarget, UserSource, UserTableTarget } from "./config/user-config.ts";
export { defineMapping, type ScriptRecord, type ScriptResult, type Transform, type TransformContext, type UserField, type UserMapping, type UserRecordMapping } from "./config/user-mapping.ts";
