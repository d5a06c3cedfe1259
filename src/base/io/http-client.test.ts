import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { HttpClient } from "./http-client.ts";

for (const [keepConnections, connections] of [
  [true, 1],
  [false, 2],
] as const) {
  test(`HttpClient keepConnections ${keepConnections}: two requests, ${connections} connections`, async (context) => {
    const ports = new Set<number | undefined>();
    const server = createServer((request, answer) => {
      ports.add(request.socket.remotePort);
      answer.end("fine");
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const client = new HttpClient({ keepConnections });
    context.after(() => {
      client.close();
      server.close();
    });
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    for (let turn = 0; turn < 2; turn++) {
      const { status, body } = await client.send({ url, method: "GET", timeoutMs: 10_000 });
      assert.equal(status, 200);
      assert.equal(body.toString(), "fine");
    }
    assert.equal(ports.size, connections);
  });
}
