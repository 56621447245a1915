import { expect, test } from "vitest";
import { end, firstLine, runCli, startCli } from "./cli.ts";

interface Started {
  url: string;
  env: Record<string, string>;
}

test("simulate jushuitan says where it is and how to use it, and ends on SIGTERM", async () => {
  const child = startCli(["simulate", "jushuitan", "--json", "--orders", "30", "--changes", "2", "--no-limits", "--app-key", "my-key", "--options", '{"orders":99,"windowOrder":"id"}']);
  const { url, env } = JSON.parse(await firstLine(child)) as Started;
  expect(env).toMatchObject({ JST_BASE_URL: url, JST_APP_KEY: "my-key", JST_APP_SECRET: expect.any(String), JST_LEGACY_URL: `${url}/api/open/query.aspx` });
  const exchanged = await fetch(`${url}/api/refresh.token`, { method: "POST", headers: { authorization: `Bearer ${env["JST_BEARER_TOKEN"]}` }, body: "{}" });
  expect(await exchanged.json()).toMatchObject({ msg: [{ id: "12345" }] });
  const { settings } = (await (await fetch(`${url}/_admin/state`)).json()) as { settings: object };
  // What a flag says goes before --options.
  expect(settings).toMatchObject({ orders: 30, windowOrder: "id", changesPerRequest: 2, perSecond: null, perMinute: null, appKey: "my-key" });
  expect(await end(child)).toMatchObject({ code: 0 });
  await expect(fetch(`${url}/_admin/state`)).rejects.toThrow();
});

test("simulate qeasy wants the secret it was given, and ends on Ctrl-C", async () => {
  const child = startCli(["simulate", "qeasy", "--json", "--secret", "s3"]);
  const { url, env } = JSON.parse(await firstLine(child)) as Started;
  expect(env).toEqual({ QEASY_BASE_URL: url, QEASY_SECRET: "s3" });
  const write = async (headers: Record<string, string>) =>
    (await fetch(`${url}/api/${encodeURIComponent("写入空操作")}`, { method: "POST", headers: { "content-type": "application/json", ...headers }, body: '[{"id":"1"}]' })).status;
  expect([await write({}), await write({ authorization: "Bearer s3" })]).toEqual([401, 200]);
  expect(await end(child, "SIGINT")).toMatchObject({ code: 0 });
});

test("for people the lines can be pasted into a shell", async () => {
  const child = startCli(["simulate", "qeasy"]);
  expect(await firstLine(child)).toMatch(/^export QEASY_BASE_URL=http:\/\/127\.0\.0\.1:\d+$/);
  await end(child);
});

test("a taken port is told with what to do", async () => {
  const child = startCli(["simulate", "qeasy", "--json"]);
  const { url } = JSON.parse(await firstLine(child)) as Started;
  const second = await runCli(["simulate", "qeasy", "--port", new URL(url).port]);
  expect(second.code).toBe(2);
  expect(second.stderr).toContain("TM_PORT");
  await end(child);
});
