import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { test, type TestContext } from "node:test";
import { loadConfig } from "../config/load.ts";
import { gatewayOptions } from "../eas/account/remote/options.ts";
import { checkGateway } from "./doctor-gateway.ts";
import { nodeOptions } from "./node-options.ts";

async function greeter(context: TestContext, line: string): Promise<string> {
  const server = createServer((socket) => socket.end(line)).listen(0, "127.0.0.1");
  await once(server, "listening");
  context.after(() => server.close());
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const examine = (overrides: Readonly<Record<string, string>>): ReturnType<typeof checkGateway> =>
  checkGateway(loadConfig([gatewayOptions, nodeOptions], { readText: () => "", folder: "/", overrides }));

test("doctor: the servers behind a gateway greet, or it says what is wrong", async (context) => {
  const imap = await greeter(context, "* OK ready\r\n");
  const web = await greeter(context, "HTTP/1.1 400 Bad Request\r\n");
  const remote = { "gateway.accounts": "remote", "node.roles": "eas" };
  const found = await examine({ ...remote, "gateway.imap": imap, "gateway.smtp": web });
  assert.deepEqual(
    found.map(({ check, status }) => [check, status]),
    [
      ["gateway.imap", "ok"],
      ["gateway.smtp", "failure"],
    ],
  );
  assert.match(found[0]?.message ?? "", /greets: \* OK ready/);
  assert.match(found[1]?.message ?? "", /no SMTP server: it says "HTTP/);

  const sieve = await greeter(context, '"IMPLEMENTATION" "Pigeonhole"\r\nOK\r\n');
  const withSieve = { ...remote, "gateway.imap": imap, "gateway.smtp": web, "gateway.managesieve": sieve };
  const third = (await examine(withSieve))[2];
  assert.deepEqual([third?.check, third?.status], ["gateway.managesieve", "ok"]);

  const silent = await greeter(context, "");
  const [tls, closed] = await examine({
    ...remote,
    "gateway.imap": imap,
    "gateway.imap_tls": "implicit",
    "gateway.smtp": silent,
  });
  assert.equal(tls?.status, "failure");
  assert.match(tls.next ?? "", /gateway\.imap_tls/);
  assert.match(closed?.message ?? "", /does not greet: the connection was closed/);
  assert.deepEqual(await examine({ "node.roles": "eas" }), []);
});
