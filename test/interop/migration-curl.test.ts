/**
 * The examples of the framework's manual, as an operator types them, with curl: only host, credentials and the authority
 * of the certificate are put in.
 */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { promisify } from "node:util";
import { SqliteDatabase } from "../../src/base/io/sql/sqlite.ts";
import { openScheduler, type SchedulerHost } from "../support/scheduler-host.ts";
import { toolOrSkip } from "../support/tool-or-skip.ts";

const run = promisify(execFile);
const SERVERS = /https:\/\/(?:dmf-scheduler:8443|scheduler:8443|localhost:7443)/;

describe("every curl example of the framework's manual works", () => {
  const folder = mkdtempSync(join(tmpdir(), "rookery-curl-"));
  let scheduler: SchedulerHost;
  before(async () => {
    scheduler = await openScheduler(await SqliteDatabase.open(join(folder, "migrate.sqlite")), folder);
  });
  after(async () => {
    await scheduler.close();
    rmSync(folder, { recursive: true, force: true });
  });

  async function curl(example: string, password = "password"): Promise<{ status: number; body: string }> {
    const command = example
      .replace(SERVERS, scheduler.url)
      .replace(/-u admin:\w+/, `-u admin:${password}`)
      .replace(/^\s*curl/, `curl -sS --cacert '${scheduler.certificateFile}' -w '\\n%{http_code}'`);
    const { stdout } = await run("sh", ["-c", command]);
    const at = stdout.lastIndexOf("\n");
    return { status: Number(stdout.slice(at + 1)), body: stdout.slice(0, at) };
  }

  async function json(example: string): Promise<{ status: number; value: Record<string, unknown> }> {
    const { status, body } = await curl(example);
    return { status, value: JSON.parse(body) as Record<string, unknown> };
  }

  test("§3.6.1–3.6.3: source, source host, target", async (t) => {
    if (!toolOrSkip(t, "curl")) return;
    const source = await json(`curl -X 'POST' \\
  'https://scheduler:8443/dmf/admin/api/v2/sources' \\
  -H 'accept: application/json' \\
  -H 'Authorization: Basic YWRtaW46cGFzc3dvcmQ=' \\
  -H 'Content-Type: application/json' \\
  -d '{
    "name": "CustomerX",
    "apiKey": "b270b24a-711d-47ee-8bdc-f59ad5c1abf2"
  }'`);
    assert.deepEqual(source, {
      status: 201,
      value: { name: "CustomerX", apiKey: "b270b24a-711d-47ee-8bdc-f59ad5c1abf2" },
    });

    const host = await json(`curl -X 'POST' \\
'https://scheduler:8443/dmf/admin/api/v2/sources/CustomerX/sourcehosts' \\
-H 'accept: application/json' \\
-H 'Authorization: Basic YWRtaW46cGFzc3dvcmQ=' \\
-H 'Content-Type: application/json' \\
-d '{
"name": "imap.host.1",
"maxConnections": 200,
"migrationCommand1": {
 "name": "doveadm",
 "options": [
   {
     "name": "imapc_user",
     "value": "%{mdb:ruid}"
   },
   {
     "name": "imapc_password",
     "value": "%{conf:imapc_master_password}"
   },
   {
     "name": "imapc_host",
     "value": "imap.host.1"
   }
 ],
 "subCommand": {
   "name": "backup",
   "flags": [
     "-R"
   ],
   "options": [
     {
       "name": "-u",
       "value": "%{mdb:uid}"
     }
   ],
   "arguments": [
     "imapc:"
   ]
 }
}
}'`);
    assert.equal(host.status, 201);
    const command = host.value["migrationCommand1"] as { subCommand: unknown };
    assert.deepEqual(command.subCommand, {
      name: "backup",
      flags: ["-R"],
      options: [{ name: "-u", value: "%{mdb:uid}" }],
      arguments: ["imapc:"],
    });

    const target = await json(`curl -X 'POST' \\
'https://scheduler:8443/dmf/admin/api/v2/targets' \\
-H 'accept: application/json' \\
-H 'Authorization: Basic YWRtaW46cGFzc3dvcmQ=' \\
-H 'Content-Type: application/json' \\
-d '{
"name": "default"
}'`);
    assert.deepEqual(target, { status: 201, value: { name: "default" } });
  });

  test("§3.6.4–3.6.6: submit, review, close a lost user", async (t) => {
    if (!toolOrSkip(t, "curl")) return;
    const submitted = await json(`curl -X 'POST' \\
  'https://scheduler:8443/dmf/api/v2/users/migrations' \\
  -H 'accept: application/json' \\
  -H 'X-API-KEY: b270b24a-711d-47ee-8bdc-f59ad5c1abf2' \\
  -H 'Content-Type: application/json' \\
  -d '{
    "sourceUid": "source_user1",
    "phase": "PRE_SYNC",
    "priority": true,
    "targetUid": "target_user1",
    "target": "default",
    "sourcehost": "imap.host.1"
  }'`);
    assert.equal(submitted.status, 201);

    const reviewed = await json(`curl -X 'GET' \\
  'https://localhost:7443/dmf/api/v2/users/source_user1/migrations/latest' \\
  -H 'accept: application/json' \\
  -H 'X-API-KEY: b270b24a-711d-47ee-8bdc-f59ad5c1abf2'`);
    assert.equal(reviewed.status, 200);
    const { created, modified, ...rest } = reviewed.value;
    assert.equal(created, modified);
    assert.match(String(created), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    assert.deepEqual(rest, {
      id: 1,
      sourceUid: "source_user1",
      status: "READY",
      phase: "PRE_SYNC",
      priority: true,
    });

    const queue = scheduler.migration.jobQueue();
    const worker = { target: "default", name: "dmf-worker", version: "1" };
    assert.equal((await queue.take(worker, 1, 60_000)).length, 1);
    const running = await json(`curl -X 'GET' \\
  'https://localhost:7443/dmf/api/v2/users/source_user1/migrations/latest' \\
  -H 'accept: application/json' \\
  -H 'X-API-KEY: b270b24a-711d-47ee-8bdc-f59ad5c1abf2'`);
    assert.equal(running.value["status"], "SYNC");
    assert.equal(running.value["backend"], "default/dmf-worker");
    assert.equal(typeof running.value["started"], "string");

    const closed = await curl(`curl -X 'PUT' \\
  'https://localhost:7443/dmf/api/v2/users/source_user1/migrations/close/latest/as/ABORTED' \\
  -H 'accept: */*' \\
  -H 'X-API-KEY: b270b24a-711d-47ee-8bdc-f59ad5c1abf2' \\
  -H 'Content-Type: application/json'`);
    assert.equal(closed.status, 200);
    const record = await scheduler.migration.journal.findLatest("CustomerX", "source_user1");
    assert.equal(record?.status, "ABORTED");
  });

  test("§2.4.1: the flow's example", async (t) => {
    if (!toolOrSkip(t, "curl")) return;
    const [host] = await scheduler.migration.sources.hosts("CustomerX");
    assert.ok(host !== undefined);
    await scheduler.migration.sources.addHost({ ...host, name: "source-1" });
    const submitted = await json(`curl -X 'POST' \\
  'https://dmf-scheduler:8443/dmf/api/v2/users/migrations' \\
  -H 'accept: application/json' \\
  -H 'X-API-KEY: b270b24a-711d-47ee-8bdc-f59ad5c1abf2' \\
  -H 'Content-Type: application/json' \\
  -d '{"sourceUid": "user1",
      "targetUid": "user1",
   "phase": "PRE_SYNC",
  "priority": true,
  "target": "default",
  "sourcehost": "source-1",
  "sourceport": 143
}'`);
    assert.equal(submitted.status, 201);
    assert.equal((await scheduler.migration.users.find("CustomerX", "user1"))?.sourcePort, 143);
  });

  test("§3.4.2: loggers", async (t) => {
    if (!toolOrSkip(t, "curl")) return;
    const show = "curl -u admin:password https://scheduler:8443/loggers/dmf";
    assert.deepEqual((await json(show)).value, { configuredLevel: "NOT_SPECIFIED", effectiveLevel: "INFO" });
    const changed = await curl(
      `curl -u admin:password -X POST -H "Content-Type: application/json" -d '{"configuredLevel": "DEBUG"}' https://scheduler:8443/loggers/dmf`,
    );
    assert.equal(changed.status, 200);
    assert.deepEqual((await json(show)).value, { configuredLevel: "DEBUG", effectiveLevel: "DEBUG" });
    assert.ok(scheduler.logs.named("migrate").enabled("debug"));
  });

  test("§9: health without and with credentials", async (t) => {
    if (!toolOrSkip(t, "curl")) return;
    assert.deepEqual(await json("curl https://scheduler:8443/health"), {
      status: 200,
      value: { status: "UP" },
    });
    const full = await json("curl -u admin:secret https://scheduler:8443/health");
    assert.equal(full.status, 200);
    const details = full.value["details"] as Record<
      string,
      { name: string; status: string; details: unknown }
    >;
    assert.deepEqual(Object.keys(details), ["jdbc", "compositeDiscoveryClient()", "service", "diskSpace"]);
    assert.deepEqual(details["service"], { name: "api", status: "UP", details: null });
    assert.deepEqual(details["diskSpace"]?.details, {
      total: 126_557_421_568,
      free: 71_800_705_024,
      threshold: 10_485_760,
    });
    assert.match(JSON.stringify(details["jdbc"]), /"database":"SQLite","version":"3\./);
  });

  test("§10: metrics, one metric, Prometheus", async (t) => {
    if (!toolOrSkip(t, "curl")) return;
    const { value } = await json("curl -u admin:secret https://scheduler:8443/metrics");
    const names = value["names"] as string[];
    for (const name of ["http.server.requests", "process.uptime", "process.files.open", "system.cpu.count"]) {
      assert.ok(names.includes(name), `${name} is missing`);
    }
    assert.deepEqual(
      (await json("curl -u admin:secret https://scheduler:8443/metrics/process.uptime")).value,
      {
        name: "process.uptime",
        measurements: [{ statistic: "VALUE", value: 168.5 }],
        availableTags: [],
        description: "The uptime of the process",
        baseUnit: "seconds",
      },
    );
    const requests = await json("curl -u admin:secret https://scheduler:8443/metrics/http.server.requests");
    const [count] = requests.value["measurements"] as { statistic: string; value: number }[];
    assert.ok(count?.statistic === "COUNT" && count.value > 3);
    const text = await curl("curl -u admin:secret https://scheduler:8443/prometheus");
    assert.equal(text.status, 200);
    assert.match(text.body, /^# TYPE rookery_http_request_seconds histogram$/m);
  });
});
