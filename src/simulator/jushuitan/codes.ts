/** An answer that is not code 0: the official table's number and text. */
export interface Refusal {
  code: number;
  msg: string;
}

const refusal = (code: number, msg: string): Refusal => ({ code, msg });

/** The gateway's own refusals (official error table of the new platform). */
export const REFUSALS = {
  sign: refusal(10, "验证失败！无效签名"),
  token: refusal(100, "验证失败！无效的access_token或access_token已过期"),
  refreshToken: refusal(100, "验证失败！无效的refresh_token或refresh_token已过期"),
  empty: refusal(130, "传输数据不能为空"),
  timestamp: refusal(140, "验证失败！无效的timestamp，请求最大时间误差15分钟"),
  isvRefresh: refusal(150, "服务商应用禁止刷新access_token,需商户重新授权"),
  permission: refusal(190, "验证失败！无API权限，请申请API权限"),
  perSecond: refusal(199, "调用频次超过限制!请稍后再试"),
  perMinute: refusal(200, "调用频次超过限制"),
  selfOnly: refusal(21024, "仅支持自有应用"),
} as const;

/** The old platform's refusals: the codes of its table; its wording is not known. */
export const LEGACY_REFUSALS = {
  token: refusal(100, "partner授权参数错误或token超时"),
  ip: refusal(110, "IP不在白名单"),
  sign: refusal(120, "签名错误"),
  timestamp: refusal(180, "TS无效"),
  permission: refusal(190, "没有权限"),
  perSecond: refusal(199, "调用太频繁"),
  perMinute: refusal(200, "调用次数超过限制"),
  tooEarly: refusal(160, "未到刷新时间"),
} as const;

/** A parameter that is missing, malformed or beyond its maximum. */
export function badParameter(what: string): Refusal {
  return refusal(140, `参数不符合规范,请检查传入参数! ${what}`);
}
