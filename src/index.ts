export { defineConfig, env, type EnvReference } from "./config/define.ts";
export { TargetError } from "./errors.ts";
export type { HeldRecord, OutRecord, SendGuard, Target } from "./target/contract.ts";
export { defineTarget, type ModuleTarget } from "./target/define.ts";
export type { UserAccount, UserConfig, UserModuleTarget, UserPipeline, UserQeasyTarget, UserSource, UserTableTarget } from "./config/user-config.ts";
