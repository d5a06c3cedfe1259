import assert from "node:assert/strict";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { silentLog } from "../base/log.ts";
import { StoreError } from "../store/errors.ts";
import { callNode } from "./client.ts";
import type { NodeContext } from "./context.ts";
import { AdminError, ReportedFailure } from "./failure.ts";
import type { Json, Operation, Progress } from "./operation.ts";
import { adminSocketPath, openAdminSocket } from "./socket.ts";

const echo: Operation = {
  name: "test.echo",
  async run(_node, fields, output) {
    const text = fields.string("text");
    const rows = fields.findCount("rows") ?? 0;
    fields.end();
    output.progress({ what: "echoing", done: 1, total: 2 });
    for (let row = 0; row < rows; row += 1) await output.row({ row, text });
    return { text, payload: output.payload.toString("latin1") };
  },
};
const refuse: Operation = {
  name: "test.refuse",
  run: () => Promise.reject(new StoreError("over_quota", "no room")),
};

async function open(t: TestContext): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), "rookery-admin-"));
  // These operations ask nothing of a node.
  const node = { log: silentLog } as NodeContext;
  const socket = await openAdminSocket(folder, [echo, refuse], node);
  t.after(async () => {
    await socket.close();
    rmSync(folder, { recursive: true });
  });
  return folder;
}

function call(folder: string, operation: string, given: { [name: string]: Json }, payload?: Buffer) {
  const rows: Json[] = [];
  const steps: Progress[] = [];
  const result = callNode(adminSocketPath(folder), {
    operation,
    arguments: given,
    ...(payload === undefined ? {} : { payload }),
    onRow: (row) => rows.push(row),
    onProgress: (step) => steps.push(step),
  });
  return { result, rows, steps };
}

test("admin socket: result, rows, progress and a payload of any bytes", async (t) => {
  const folder = await open(t);
  const payload = Buffer.from([0, 10, 13, 255, 10]);
  const { result, rows, steps } = call(folder, "test.echo", { text: "häl\nlo", rows: 2000 }, payload);
  assert.deepEqual(await result, { text: "häl\nlo", payload: payload.toString("latin1") });
  assert.equal(rows.length, 2000);
  assert.deepEqual(steps, [{ what: "echoing", done: 1, total: 2 }]);
});

test("admin socket: only its owner may open it", async (t) => {
  const folder = await open(t);
  assert.equal(statSync(adminSocketPath(folder)).mode & 0o777, 0o600);
});

test("admin socket: refusals keep their code, kind and advice", async (t) => {
  const folder = await open(t);
  await assert.rejects(call(folder, "test.refuse", {}).result, (error) => {
    assert.ok(error instanceof ReportedFailure);
    assert.equal(error.failure.code, "over_quota");
    assert.equal(error.failure.kind, "unavailable");
    assert.match(error.failure.next ?? "", /mailbox quota/);
    return true;
  });
  await assert.rejects(call(folder, "test.unknown", {}).result, /is no operation/);
  await assert.rejects(call(folder, "test.echo", { text: 5 }).result, /"text" must be a text/);
});

test("callNode: nobody listens, and a socket file that a dead process left", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "rookery-admin-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const isAbsent = (error: unknown): boolean =>
    error instanceof AdminError && error.code === "node_not_running";
  await assert.rejects(call(folder, "test.echo", {}).result, isAbsent);
  // A server that is closed without unlinking leaves a file that refuses connections.
  const path = adminSocketPath(folder);
  const server = createServer();
  await new Promise<void>((listening) => server.listen(path, listening));
  const { renameSync } = await import("node:fs");
  renameSync(path, `${path}.kept`);
  await new Promise((closed) => server.close(closed));
  renameSync(`${path}.kept`, path);
  await assert.rejects(call(folder, "test.echo", {}).result, isAbsent);
});

test("callNode: a node that goes away before or in its answer has stopped", async (t) => {
  const row = `${JSON.stringify({ row: { at: 0 } })}\n`;
  const head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
  const begun = `${head}${row.length.toString(16)}\r\n${row}\r\n`;
  for (const [sent, rows] of [
    ["", 0],
    [head, 0],
    [begun, 1],
    [`${begun}7\r\n{"row":\r\n`, 1],
  ] as const) {
    const folder = mkdtempSync(join(tmpdir(), "rookery-admin-"));
    t.after(() => rmSync(folder, { recursive: true }));
    const server = createServer((socket) => {
      socket.once("data", () => socket.end(sent));
    });
    await new Promise<void>((listening) => server.listen(adminSocketPath(folder), listening));
    t.after(() => server.close());
    const calling = call(folder, "test.echo", {});
    await assert.rejects(calling.result, (error) => {
      assert.ok(error instanceof AdminError, String(error));
      assert.equal(error.code, "node_stopped");
      return true;
    });
    assert.equal(calling.rows.length, rows);
  }
});
