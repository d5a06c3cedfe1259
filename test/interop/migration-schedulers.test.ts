/** Schedulers as an operator runs them: processes of their own over one PostgreSQL, none of which knows the others. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { request as makeRequest } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { Postgres, postgresMissing } from "../support/postgres.ts";
import { type RunningNode, startServe } from "../support/running-node.ts";

const missing = postgresMissing();
const KEY = "b270b24a-711d-47ee-8bdc-f59ad5c1abf2";

describe("several schedulers over one database", { skip: missing ?? false }, () => {
  const folder = mkdtempSync(join(tmpdir(), "rookery-schedulers-"));
  let server: Postgres;
  const nodes: RunningNode[] = [];
  let survivor: RunningNode | undefined;
  before(async () => {
    server = await Postgres.start();
    writeFileSync(join(folder, "key1"), Buffer.alloc(32, 9), { mode: 0o600 });
  });
  after(async () => {
    for (const node of nodes) await node.stop();
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  async function start(name: string): Promise<RunningNode> {
    const node = await startServe(join(folder, name), [
      "node.roles=scheduler",
      "listen.scheduler=127.0.0.1:0",
      // Made by whoever starts first.
      `migrate.database=${server.url("migration")}`,
      "migrate.admin_username=admin",
      "migrate.admin_password=password",
      "migrate.storage_key=key1",
      `migrate.storage_keys=key1=${join(folder, "key1")}`,
    ]);
    nodes.push(node);
    return node;
  }

  test("what one takes the other knows, and one that dies takes nothing along", async () => {
    const starting = [start("first"), start("second")] as const;
    // One that starts while the test has failed already would never be stopped.
    await Promise.allSettled(starting);
    const [first, second] = await Promise.all(starting);
    const admin = "/dmf/admin/api/v2";
    assert.equal((await send(first, "POST", `${admin}/sources`, { name: "X", apiKey: KEY })).status, 201);
    const hosts = `${admin}/sources/X/sourcehosts`;
    assert.equal((await send(second, "POST", hosts, { name: "imap1", maxConnections: 2 })).status, 201);
    assert.equal((await send(first, "POST", `${admin}/targets`, { name: "default" })).status, 201);
    const users = "/dmf/api/v2/users";
    const submit = (node: RunningNode, at: number) =>
      send(node, "POST", `${users}/migrations`, {
        sourceUid: `user${at}`,
        targetUid: `user${at}`,
        target: "default",
        sourcehost: "imap1",
        phase: "PRE_SYNC",
        password: `password of ${at}`,
      });
    // Every user at both: one wins.
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, at) => [submit(first, at), submit(second, at)]).flat(),
    );
    assert.deepEqual(
      [201, 409].map((status) => answers.filter((answer) => answer.status === status).length),
      [20, 20],
    );
    first.child.kill("SIGKILL");
    survivor = second;
    const latest = await send(second, "GET", `${users}/user7/migrations/latest`);
    assert.equal((JSON.parse(latest.body) as { status: string }).status, "READY");
    const listed = await send(second, "GET", `${users}/migrations?limit=100`);
    assert.equal((JSON.parse(listed.body) as unknown[]).length, 20);
    assert.doesNotMatch([...first.log, ...second.log, latest.body, listed.body].join("\n"), /password of/);
  });

  test("a database that is away is 503 until it is back", async () => {
    const node = survivor;
    assert.ok(node !== undefined);
    await server.kill();
    assert.equal((await send(node, "GET", "/dmf/api/v2/users")).status, 503);
    assert.deepEqual(await send(node, "GET", "/health", undefined, {}), {
      status: 503,
      body: '{"status":"DOWN"}',
    });
    await server.run();
    assert.equal((await send(node, "GET", "/dmf/api/v2/users")).status, 200);
    assert.equal((await send(node, "GET", "/health")).status, 200);
    assert.equal(await node.stop(), 0);
  });
});

function send(
  node: RunningNode,
  method: string,
  path: string,
  body?: unknown,
  headers: Record<string, string> = {
    authorization: `Basic ${Buffer.from("admin:password").toString("base64")}`,
    "x-api-key": KEY,
  },
): Promise<{ readonly status: number; readonly body: string }> {
  const { host, port } = node.endpoint("scheduler");
  return new Promise((resolve, reject) => {
    const request = makeRequest(
      {
        host,
        port,
        path,
        method,
        agent: false,
        // Each process made its own certificate.
        rejectUnauthorized: false,
        headers: { ...headers, ...(body === undefined ? {} : { "content-type": "application/json" }) },
      },
      (response) => {
        response
          .toArray()
          .then((chunks) => resolve({ status: response.statusCode ?? 0, body: chunks.join("") }), reject);
      },
    );
    request.on("error", reject);
    if (body !== undefined) request.write(JSON.stringify(body));
    request.end();
  });
}
