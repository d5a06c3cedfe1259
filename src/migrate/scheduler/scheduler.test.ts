import assert from "node:assert/strict";
import { test } from "node:test";
import { SchedulerClient } from "../../../test/support/scheduler-host.ts";
import { ADMIN, KEY, USERS, withScheduler } from "../../../test/support/scheduler-trial.ts";
import { IpPatterns } from "./ip-patterns.ts";

const anna = { sourceUid: "anna", targetUid: "anna", target: "default", sourcehost: "imap1" };

test(
  "admin: sources, hosts and targets are made, shown, changed and removed",
  withScheduler(async (admin) => {
    assert.deepEqual((await admin.send("GET", `${ADMIN}/sources`)).body, [
      { name: "CustomerX", apiKey: null },
    ]);
    assert.equal(
      (await admin.send("POST", `${ADMIN}/sources`, { name: "CustomerX", apiKey: "12345678" })).status,
      409,
    );
    assert.equal(
      (await admin.send("POST", `${ADMIN}/sources`, { name: "a b", apiKey: "12345678" })).status,
      400,
    );
    assert.equal((await admin.send("POST", `${ADMIN}/sources`, { name: "Y" })).status, 400);
    assert.equal((await admin.send("GET", `${ADMIN}/sources/None`)).status, 404);
    const host = `${ADMIN}/sources/CustomerX/sourcehosts/imap1`;
    const changed = await admin.send("PUT", host, {
      maxConnections: 5,
      statusCommand: "count",
      maxBytesPerSecond: 9,
    });
    assert.deepEqual(changed.body, {
      source: "CustomerX",
      name: "imap1",
      maxConnections: 5,
      migrationCommand1: null,
      migrationCommand2: null,
      statusCommand: { name: "count" },
      maxMessagesPerSecond: 0,
      maxBytesPerSecond: 9,
    });
    assert.deepEqual((await admin.send("GET", host)).body, changed.body);
    assert.equal((await admin.send("PUT", host, { migrationCommand1: { flags: "-R" } })).status, 400);
    assert.equal((await admin.send("PUT", host, { maxConnections: -1 })).status, 400);
    assert.equal((await admin.send("DELETE", host)).status, 204);
    assert.equal((await admin.send("DELETE", host)).status, 404);
    assert.deepEqual((await admin.send("GET", `${ADMIN}/targets`)).body, [{ name: "default" }]);
    assert.equal((await admin.send("DELETE", `${ADMIN}/targets/default`)).status, 204);
    assert.equal((await admin.send("DELETE", `${ADMIN}/sources/CustomerX`)).status, 204);
  }),
);

test(
  "admin: backends are started, paused, stopped and changed",
  withScheduler(async (admin, _, { migration }) => {
    const worker = { target: "default", name: "dmf-worker", version: "9" };
    const queue = migration.jobQueue();
    await queue.register(worker, { state: "RUNNING", maxThreads: 4 });
    const path = `${ADMIN}/backends/default/dmf-worker`;
    const shown = (await admin.send("GET", path)).body as Record<string, unknown>;
    assert.deepEqual([shown["status"], shown["maxThreads"], shown["version"]], ["RUNNING", 4, "9"]);
    for (const [verb, state] of [
      ["pause", "PAUSED"],
      ["stop", "STOPPED"],
      ["start", "RUNNING"],
    ] as const) {
      const answer = await admin.send("PUT", `${path}/${verb}`);
      assert.equal((answer.body as Record<string, unknown>)["state"], state);
      assert.equal((await queue.heartbeat(worker, 0)).state, state);
    }
    await admin.send("PUT", path, { initialState: "PAUSED", maxThreads: 7 });
    assert.deepEqual(await queue.heartbeat(worker, 0), { state: "RUNNING", maxThreads: 7 });
    assert.equal((await admin.send("PUT", path, { state: "ASLEEP" })).status, 400);
    assert.equal((await admin.send("PUT", `${ADMIN}/backends/default/none/start`)).status, 404);
    assert.equal(
      ((await admin.send("GET", `${ADMIN}/targets/default/backends`)).body as unknown[]).length,
      1,
    );
    assert.equal((await admin.send("DELETE", path)).status, 204);
  }),
);

test(
  "customer: users are made, shown, changed and removed; a password is never told",
  withScheduler(async (_, customer, host) => {
    const made = await customer.send("POST", USERS, {
      ...anna,
      password: "of anna",
      imapcOptions: "a=b",
      email: null,
    });
    assert.equal(made.status, 201);
    const { created, modified, ...user } = made.body as Record<string, unknown>;
    assert.equal(created, modified);
    assert.deepEqual(user, {
      ...anna,
      sourceport: null,
      hasPassword: true,
      email: null,
      imapcOptions: ["a=b"],
      useImapcSsl: null,
      excludeFolders: [],
    });
    assert.equal((await customer.send("POST", USERS, anna)).status, 409);
    const changed = await customer.send("PUT", `${USERS}/anna`, {
      excludeFolders: ["Trash"],
      password: null,
    });
    const { excludeFolders, hasPassword } = changed.body as Record<string, unknown>;
    assert.deepEqual([excludeFolders, hasPassword], [["Trash"], false]);
    assert.equal((await customer.send("GET", `${USERS}/bert`)).status, 404);
    assert.equal((await customer.send("POST", USERS, { sourceUid: "bert" })).status, 400);
    assert.equal(((await customer.send("GET", USERS)).body as unknown[]).length, 1);
    assert.equal((await customer.send("DELETE", `${USERS}/anna`)).status, 204);
    const long = `${"ü/%".repeat(80)}@Example.ORG`;
    await customer.send("POST", USERS, { ...anna, sourceUid: long });
    const shown = await customer.send("GET", `${USERS}/${encodeURIComponent(long)}`);
    assert.equal((shown.body as Record<string, unknown>)["sourceUid"], long);
    assert.doesNotMatch(JSON.stringify(made.body) + host.logLines.join(""), /of anna/);
  }),
);

test(
  "customer: a migration is submitted once, listed and closed",
  withScheduler(async (admin, customer) => {
    const submit = (body: object) => customer.send("POST", `${USERS}/migrations`, body);
    assert.equal((await submit({ ...anna, phase: "PRE_SYNC" })).status, 201);
    const again = await submit({ sourceUid: "anna", phase: "CUTOVER" });
    assert.equal(again.status, 409);
    assert.match(JSON.stringify(again.body), /waits already/);
    assert.equal((await submit({ ...anna, phase: "LATER" })).status, 400);
    assert.equal((await submit({ ...anna, sourceUid: "bert", phase: "PRE_SYNC" })).status, 409);
    const unknownHost = await submit({
      ...anna,
      sourceUid: "c",
      targetUid: "c",
      sourcehost: "none",
      phase: "PRE_SYNC",
    });
    assert.equal(unknownHost.status, 404);
    const list = await customer.send("GET", `${USERS}/migrations?status=READY&limit=5`);
    assert.deepEqual(
      (list.body as Record<string, unknown>[]).map(({ sourceUid, sourcehost }) => [sourceUid, sourcehost]),
      [["anna", "imap1"]],
    );
    assert.deepEqual((await admin.send("GET", `${ADMIN}/migrations/counts`)).body, [
      { source: "CustomerX", sourcehost: "imap1", phase: "PRE_SYNC", status: "READY", count: 1 },
    ]);
    const close = (status: string) =>
      customer.send("PUT", `${USERS}/anna/migrations/close/latest/as/${status}`);
    assert.equal((await close("READY")).status, 400);
    assert.equal((await close("ABORTED")).status, 200);
    assert.equal((await close("ABORTED")).status, 409);
    assert.equal((await customer.send("GET", `${USERS}/nobody/migrations/latest`)).status, 404);
    assert.equal((await customer.send("GET", `${USERS}/anna/migrations`)).status, 200);
    assert.equal((await customer.send("GET", `${USERS}/migrations?limit=100000`)).status, 400);
  }),
);

test(
  "version 1 has a default target and every key; headers choose the version where the path does not",
  withScheduler(async (_, customer) => {
    const old = await customer.send("POST", "/dmf/api/v1/users/migrations", {
      sourceUid: "anna",
      targetUid: "anna",
      sourcehost: "imap1",
      phase: "PRE_SYNC",
      priority: null,
      email: null,
    });
    assert.equal(old.status, 201);
    const latest = "/dmf/api/users/anna/migrations/latest";
    const keys = async (headers: Record<string, string>): Promise<boolean> =>
      "stopped" in ((await customer.send("GET", latest, undefined, headers)).body as object);
    assert.equal(await keys({}), true);
    assert.equal(await keys({ "X-API-VERSION": "v1" }), true);
    assert.equal(await keys({ "X-API-VERSION": "v2" }), false);
    assert.equal(await keys({ "Accept-Version": "2" }), false);
    assert.equal((await customer.send("GET", latest, undefined, { "X-API-VERSION": "v7" })).status, 404);
  }),
);

test(
  "credentials: each door has its own, and wrong ones are slowed down by address",
  withScheduler(
    async (admin, customer, { url }) => {
      const nobody = new SchedulerClient(url, {});
      for (const path of [`${ADMIN}/sources`, "/metrics", "/prometheus", "/loggers", USERS]) {
        assert.equal((await nobody.send("GET", path)).status, 401, path);
      }
      assert.equal((await customer.send("GET", `${ADMIN}/sources`)).status, 401);
      assert.equal((await admin.send("GET", USERS)).status, 401);
      const refused = await nobody.send("GET", `${ADMIN}/sources`);
      assert.match(refused.headers.get("www-authenticate") ?? "", /^Basic realm=/);
      assert.equal((await SchedulerClient.admin(url, "wrong").send("GET", "/health")).status, 401);
      for (let guess = 0; guess < 5; guess++) {
        await SchedulerClient.admin(url, `guess ${guess}`).send("GET", `${ADMIN}/sources`);
      }
      assert.equal((await SchedulerClient.admin(url, "another").send("GET", `${ADMIN}/sources`)).status, 429);
      assert.equal((await nobody.send("GET", "/health")).status, 200);
    },
    { failedLoginRefuse: 5 },
  ),
);

test(
  "addresses that are not allowed get nothing",
  withScheduler(
    async (admin) => {
      for (const path of [`${ADMIN}/sources`, "/health", "/redoc", "/metrics"]) {
        assert.equal((await admin.send("GET", path)).status, 403, path);
      }
    },
    { ipPatterns: ["192.168.1.*"] },
  ),
);

test("IpPatterns: stars stand for the end of an address", () => {
  const patterns = new IpPatterns(["127.0.0.1", "192.168.1.*", "10.0.0.0/8", "2001:db8::/32"]);
  for (const yes of ["127.0.0.1", "::ffff:127.0.0.1", "192.168.1.77", "10.9.8.7", "2001:db8::1"]) {
    assert.equal(patterns.allows(yes), true, yes);
  }
  for (const no of ["127.0.0.2", "192.168.2.1", "2001:db9::1", "nonsense"])
    assert.equal(patterns.allows(no), false, no);
  assert.equal(new IpPatterns([]).allows("203.0.113.1"), true);
  assert.equal(new IpPatterns(["0.0.0.0"]).allows("203.0.113.1"), true);
  for (const bad of ["192.*.1.1", "a.b", "*"]) assert.throws(() => new IpPatterns([bad]), RangeError, bad);
});

test(
  "the OpenAPI document lists every route, and its pages ask no other host",
  withScheduler(async (_, __, { url }) => {
    const anybody = new SchedulerClient(url, {});
    const document = (await anybody.send("GET", "/swagger/openapi.json")).body as {
      openapi: string;
      paths: Record<string, Record<string, { deprecated?: boolean; security: unknown }>>;
    };
    assert.equal(document.openapi, "3.1.0");
    const latest = "/users/{uid}/migrations/latest";
    assert.deepEqual(document.paths[`/dmf/api/v2${latest}`]?.["get"]?.security, [{ customer: [] }]);
    assert.equal(document.paths[`/dmf/api/v1${latest}`]?.["get"]?.deprecated, true);
    assert.ok("put" in (document.paths[`${ADMIN}/backends/{target}/{name}/pause`] ?? {}));
    assert.match(String((await anybody.send("GET", "/swagger/openapi.yml")).body), /^openapi: 3\.1\.0$/m);
    for (const page of ["/swagger-ui", "/rapidoc", "/redoc"]) {
      const { status, headers, body } = await anybody.send("GET", page);
      assert.equal(status, 200);
      assert.match(headers.get("content-security-policy") ?? "", /default-src 'self'/);
      const html = String(body);
      assert.doesNotMatch(html, /(?:src|href)="(?:https?:)?\/\//);
      for (const [, path = ""] of html.matchAll(/(?:src|href)="(\/[^"]+)"/g)) {
        assert.equal((await anybody.send("GET", path)).status, 200, path);
      }
    }
    assert.doesNotMatch(String((await anybody.send("GET", "/redoc")).body), /<script/);
  }),
);

test(
  "documentation and metrics can be closed or switched off",
  withScheduler(
    async (admin, customer) => {
      assert.equal((await customer.send("GET", "/swagger-ui")).status, 401);
      assert.equal((await admin.send("GET", "/swagger-ui")).status, 200);
      assert.equal((await admin.send("GET", "/metrics")).status, 404);
    },
    { documentation: "authenticated", metricsAccess: "off" },
  ),
);

test(
  "a worker has health, metrics and loggers, and no API",
  withScheduler(
    async (admin) => {
      for (const path of ["/health", "/metrics", "/prometheus", "/loggers"]) {
        assert.equal((await admin.send("GET", path)).status, 200, path);
      }
      for (const path of [`${ADMIN}/sources`, "/swagger-ui"])
        assert.equal((await admin.send("GET", path)).status, 404);
    },
    { apis: [] },
  ),
);

test(
  "loggers: all are listed, a level is taken back, a wrong one refused",
  withScheduler(async (admin, _, { logs }) => {
    const set = (name: string, configuredLevel: unknown) =>
      admin.send("POST", `/loggers/${name}`, { configuredLevel });
    assert.equal((await set("dmf.worker", "trace")).status, 200);
    assert.equal(logs.level("migrate").configured, "trace");
    const { loggers } = (await admin.send("GET", "/loggers")).body as { loggers: Record<string, unknown> };
    assert.deepEqual(loggers["migrate"], { configuredLevel: "TRACE", effectiveLevel: "TRACE" });
    assert.equal((await set("dmf", "NOT_SPECIFIED")).status, 200);
    assert.equal(logs.level("migrate").configured, undefined);
    assert.equal((await set("ROOT", "WARN")).status, 200);
    assert.equal(logs.level().effective, "warn");
    assert.equal((await set("dmf", "LOUD")).status, 400);
  }),
);

test(
  "health is DOWN when space is short",
  withScheduler(
    async (admin) => {
      const { status, body } = await admin.send("GET", "/health");
      assert.equal(status, 503);
      assert.equal((body as Record<string, unknown>)["status"], "DOWN");
    },
    {
      health: {
        database: false,
        diskSpace: true,
        diskSpaceThresholdBytes: 10,
        readSpace: () => ({ freeBytes: 9, totalBytes: 100 }),
      },
    },
  ),
);

test(
  "hostile bodies are refused and nothing breaks",
  withScheduler(async (admin, customer, { url }) => {
    for (const body of [
      "{",
      "null",
      "[]",
      '"x"',
      '{"__proto__": {"phase": 1}}',
      '{"sourceUid": {}, "phase": []}',
    ]) {
      const response = await fetch(`${url}${USERS}/migrations`, {
        method: "POST",
        headers: { "X-API-KEY": KEY, "content-type": "application/json" },
        body,
      });
      assert.equal(response.status, 400, body);
    }
    const name = "a".repeat(400);
    assert.equal((await customer.send("POST", USERS, { ...anna, sourceUid: name })).status, 400);
    assert.equal((await customer.send("POST", USERS, { ...anna, sourceUid: "a\u0000b" })).status, 400);
    assert.equal((await customer.send("GET", `${USERS}/${encodeURIComponent("a/b ü%")}`)).status, 404);
    assert.equal((await admin.send("GET", "/nowhere")).status, 404);
  }),
);
