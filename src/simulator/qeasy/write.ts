import type { IncomingMessage, ServerResponse } from "node:http";
import { drawFault, latencyOf } from "../faults.ts";
import { readBody, send, wait } from "../http.ts";
import type { FaultKind } from "./options.ts";
import { BodyError, readRecords, type Received } from "./records.ts";
import type { Simulation } from "./simulation.ts";

interface Answer {
  status: number;
  body: string;
  type?: string;
  headers?: Record<string, string>;
}

/** Faults that keep a request from being taken, with their answers. */
const UNTAKEN: Partial<Record<FaultKind, Answer>> = {
  http500: { status: 500, body: "Internal Server Error", type: "text/plain" },
  http503: { status: 503, body: "<html><body>503 Service Unavailable</body></html>", type: "text/html" },
  http429: { status: 429, body: '{"code":429,"message":"请求过于频繁"}', headers: { "Retry-After": "1" } },
  html200: { status: 200, body: "<!DOCTYPE html><html><body>系统维护中</body></html>", type: "text/html" },
  failureIn200: { status: 200, body: '{"success":false,"message":"写入失败"}' },
};

/** One request of the write interface from arrival to answer. */
export async function handleWrite(simulation: Simulation, name: string | null, req: IncomingMessage, res: ServerResponse): Promise<void> {
  simulation.arrive();
  res.once("close", () => simulation.leave());
  const { settings, random } = simulation;
  const { slow, ...shares } = settings.faults;
  const fault = drawFault<FaultKind>(shares, random);
  const late = slow != null && random.next() < slow.share ? slow.ms : 0;
  if (late > 0) simulation.faults.add("slow");
  if (fault !== null) simulation.faults.add(fault);
  if (fault === "drop") {
    simulation.byStatus.add("none");
    res.socket?.destroy();
    return;
  }
  const body = await readBody(req, settings.maxBytes ?? Infinity);
  if (res.destroyed) return;
  const answer = settle(simulation, name, req, body, fault);
  await wait(latencyOf(settings.latencyMs, random) + late);
  if (fault === "dropAfter") {
    simulation.byStatus.add("none");
    res.socket?.destroy();
    return;
  }
  simulation.byStatus.add(String(answer.status));
  if (!res.destroyed) send(res, answer.status, answer.type ?? "application/json", answer.body, answer.headers);
}

function settle(simulation: Simulation, name: string | null, req: IncomingMessage, body: Buffer | null, fault: FaultKind | null): Answer {
  const { settings } = simulation;
  if (settings.status !== null) {
    const location: Record<string, string> = settings.status >= 300 && settings.status < 400 ? { Location: "/login" } : {};
    return { ...problem(settings.status, "status set by configuration"), headers: location };
  }
  const untaken = fault === null ? undefined : UNTAKEN[fault];
  if (untaken !== undefined) return untaken;
  if (name !== settings.interface) return problem(404, `no such interface: ${name ?? "?"}`);
  if (req.method !== "POST") return problem(405, "POST only");
  if (settings.secret !== null && req.headers.authorization !== `Bearer ${settings.secret}`) return problem(401, "无效的凭证");
  if (body === null) return problem(413, `the body is larger than ${settings.maxBytes} bytes`);
  return take(simulation, req, body, fault);
}

function take(simulation: Simulation, req: IncomingMessage, body: Buffer, fault: FaultKind | null): Answer {
  const { settings, records } = simulation;
  let received: Received[];
  try {
    received = readRecords(body, settings.envelope);
  } catch (error) {
    if (error instanceof BodyError) return problem(400, error.message);
    throw error;
  }
  if (settings.maxRecords !== null && received.length > settings.maxRecords) return problem(413, `more than ${settings.maxRecords} records`);
  if (settings.refuseAll || (settings.refuseIds.length > 0 && received.some(({ id }) => settings.refuseIds.includes(id)))) {
    return problem(settings.refuseStatus, "数据校验不通过");
  }
  const key = req.headers["idempotency-key"];
  simulation.noteKey(Array.isArray(key) ? key[0] : key);
  for (const record of received) records.take(record, settings.keepText, settings.keepNewest);
  if (fault === "emptyBody") return { status: 200, body: "" };
  return { status: 200, body: `{"code":0,"msg":"success","data":{"count":${received.length}}}` };
}

function problem(status: number, message: string): Answer {
  return { status, body: JSON.stringify({ code: status, message }) };
}
