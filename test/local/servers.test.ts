import { Connection } from "@temporalio/client";
import { Client } from "pg";
import { expect, test } from "vitest";
import { freshDatabase, sharedServers } from "../support/servers.ts";

test("the run's servers serve, and each caller has a database of its own", async () => {
  const [servers, other] = await Promise.all([sharedServers(), freshDatabase()]);
  expect(servers.databaseUrl).not.toBe(other);
  const client = new Client({ connectionString: servers.databaseUrl });
  await client.connect();
  const { rows } = await client.query("select current_setting('server_encoding') as encoding, current_setting('fsync') as fsync");
  expect(rows).toEqual([{ encoding: "UTF8", fsync: "off" }]);
  await client.end();

  const connection = await Connection.connect({ address: servers.temporal.address });
  const { customAttributes } = await connection.operatorService.listSearchAttributes({ namespace: servers.temporal.namespace });
  expect(Object.keys(customAttributes ?? {})).toEqual(expect.arrayContaining(["TidemarkPipeline", "TidemarkKind"]));
  await connection.close();
});
