import type { ServerResponse } from "node:http";
import { send } from "../http.ts";
import type { FaultKind } from "./options.ts";

const HTML_ERROR = "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body><center><h1>502 Bad Gateway</h1></center><hr><center>nginx</center></body>\r\n</html>\r\n";
const HTML_LOGIN = '<!DOCTYPE html><html lang="zh"><head><title>登录</title></head><body>系统维护中，请稍后再试</body></html>';

/** Faults that keep a request from being looked at. */
export const BEFORE: readonly FaultKind[] = ["drop", "html502", "http500", "html200", "code199", "code200", "code100"];
/** Faults that make a page a lie. */
export const LIES: readonly FaultKind[] = ["shortPage", "versionDisorder", "totalsLie"];

/** Writes JSON, or what a fault makes of it. */
export function deliver(res: ServerResponse, json: string, fault: FaultKind | null, cutConnection: boolean, nowMs: number, status = 200): void {
  res.sendDate = false;
  const headers = { Date: new Date(nowMs).toUTCString() };
  switch (fault) {
    case "drop":
    case "dropAfter":
      res.socket?.destroy();
      return;
    case "html502":
      return send(res, 502, "text/html", HTML_ERROR, headers);
    case "html200":
      return send(res, 200, "text/html", HTML_LOGIN, headers);
    case "http500":
      return send(res, 500, "text/plain", "Internal Server Error", headers);
    case "emptyBody":
      return send(res, 200, "application/json", "", headers);
    case "cutJson":
      return cut(res, Buffer.from(json), cutConnection, headers);
    default:
      return send(res, status, "application/json", json, headers);
  }
}

function cut(res: ServerResponse, whole: Buffer, cutConnection: boolean, headers: Record<string, string>): void {
  const half = whole.subarray(0, whole.length >>> 1);
  if (!cutConnection) return send(res, 200, "application/json", half, headers);
  res.writeHead(200, { "Content-Type": "application/json; charset=utf-8", "Content-Length": whole.length, ...headers });
  res.write(half, () => res.socket?.destroy());
}
