import { readFileSync } from "node:fs";
import { Ajv2020 } from "ajv/dist/2020.js";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";

interface Service {
  image?: string;
  build?: unknown;
  restart?: string;
  healthcheck?: unknown;
  profiles?: string[];
  ports?: string[];
  depends_on?: Record<string, { condition: string }>;
  deploy?: { replicas?: number };
}

const text = readFileSync(new URL("../../docker-compose.yml", import.meta.url), "utf8");
const compose = parse(text, { merge: true }) as { services: Record<string, Service> };
const services = Object.entries(compose.services);

describe("docker-compose.yml", () => {
  test("keeps to the published compose schema (compose-spec.json of compose-go 2.16.2, Apache-2.0)", () => {
    const schema = JSON.parse(readFileSync(new URL("./compose-spec.json", import.meta.url), "utf8")) as object;
    const ajv = new Ajv2020({ allErrors: true, strict: false, validateFormats: false });
    ajv.validate(schema, compose);
    expect(ajv.errors ?? []).toEqual([]);
  });

  test("pins every image to a version", () => {
    for (const [name, { image }] of services) expect(image, name).toMatch(/^[a-z/-]+:\d+\.\d+(\.\d+)?(-[a-z]+)?$/);
  });

  test("has no default for a secret, and no password in clear", () => {
    const secrets = text.split("\n").filter((line) => /(PASSWORD|PWD|TIDEMARK_KEY): /.test(line));
    expect(secrets.length).toBeGreaterThan(3);
    for (const line of secrets) expect(line).toMatch(/: \$\{(POSTGRES_PASSWORD|TIDEMARK_KEY):\?[^}]+\}$/);
  });

  test("checks the health of everything that runs on", () => {
    for (const [name, service] of services) {
      if (service.restart === "unless-stopped") expect(service.healthcheck, name).toBeDefined();
      else expect(service.restart, name).toBe("on-failure:6");
    }
  });

  test("waits for health, and for jobs to complete", () => {
    const order = Object.fromEntries(services.map(([name, { depends_on: needs = {} }]) => [name, Object.entries(needs).map(([other, { condition }]) => `${other} ${condition}`)]));
    expect(order["temporal-schema"]).toEqual(["postgres service_healthy"]);
    expect(order["temporal"]).toEqual(["temporal-schema service_completed_successfully"]);
    expect(order["temporal-namespace"]).toEqual(["temporal service_healthy"]);
    expect(order["worker"]).toContain("temporal-namespace service_completed_successfully");
    expect(order["worker"]).toContain("deploy service_completed_successfully");
  });

  test("runs two workers; the simulators only in the profile demo; ports on the loopback address", () => {
    expect(compose.services["worker"]?.deploy?.replicas).toBe(2);
    expect(services.filter(([, { profiles }]) => profiles?.includes("demo")).map(([name]) => name)).toEqual(["jushuitan", "qeasy"]);
    for (const [name, { ports = [] }] of services) for (const port of ports) expect(port, name).toMatch(/^127\.0\.0\.1:/);
  });
});
