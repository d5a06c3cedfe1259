import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { connect as dial, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { connect as dialTls } from "node:tls";
import { makeSelfSignedCertificate } from "../../main/certificate.ts";
import { NetworkList } from "../networks.ts";
import type { ClientTls, Connection, Listener, ListenOptions } from "./network.ts";
import { connectUnix, listenUnix, systemNetwork } from "./system-network.ts";
import { TlsContexts } from "./tls-contexts.ts";

const folder = mkdtempSync(join(tmpdir(), "rookery-net-"));
const open: (Listener | { destroy(): void })[] = [];
after(async () => {
  for (const item of open) await ("close" in item ? item.close() : item.destroy());
  rmSync(folder, { recursive: true });
});

function files(name: string, names: readonly string[]): { certificate: string; key: string } {
  const made = makeSelfSignedCertificate(names, Date.now(), randomBytes(16));
  const paths = { certificate: join(folder, `${name}.crt`), key: join(folder, `${name}.key`) };
  writeFileSync(paths.certificate, made.certificatePem);
  writeFileSync(paths.key, made.privateKeyPem);
  return paths;
}

/** Listens and gives the connections as they come. */
async function serve(
  options: Partial<ListenOptions> = {},
): Promise<{ listener: Listener; next: () => Promise<Connection>; refused: string[] }> {
  const refused: string[] = [];
  const waiting: Connection[] = [];
  let wake: (() => void) | undefined;
  const listener = await systemNetwork.listen({
    host: "127.0.0.1",
    port: 0,
    onConnection(connection) {
      waiting.push(connection);
      open.push(connection);
      wake?.();
    },
    onRefused: (reason) => {
      refused.push(reason);
    },
    ...options,
  });
  open.push(listener);
  const next = async (): Promise<Connection> => {
    while (waiting.length === 0) await new Promise<void>((resolve) => (wake = resolve));
    return waiting.shift() as Connection;
  };
  return { listener, next, refused };
}

function connectTo(
  listener: Listener,
  more: { tls?: ClientTls; implicitTls?: boolean } = {},
): Promise<Connection> {
  return systemNetwork.connect({ host: "127.0.0.1", port: listener.port, ...more });
}

/** Resolves once `count` bytes came. */
function read(connection: Connection, count: number): Promise<string> {
  return new Promise((resolve) => {
    let text = "";
    connection.onData((chunk) => {
      text += chunk.toString("latin1");
      if (text.length >= count) resolve(text);
    });
  });
}

const closed = (connection: Connection): Promise<Error | undefined> =>
  new Promise((resolve) => {
    connection.onClose(resolve);
  });

test("listen: bytes both ways, addresses, orderly close with last words", async () => {
  const { listener, next } = await serve();
  const client = await connectTo(listener);
  const server = await next();
  assert.equal(server.remoteAddress, "127.0.0.1");
  assert.equal(server.localPort, listener.port);
  assert.equal(client.localPort, server.remotePort);
  const got = read(server, 9);
  client.write("one ");
  client.write(Buffer.from("two "));
  client.write("3");
  assert.equal(client.bufferedBytes, 9);
  assert.equal(await got, "one two 3");
  const words = read(client, 3);
  const ends = Promise.all([closed(client), closed(server)]);
  server.end("bye");
  assert.equal(await words, "bye");
  assert.deepEqual(await ends, [undefined, undefined]);
  server.write("into the void");
});

test("write: pieces of one turn arrive in order, whatever their size and type", async () => {
  const { listener, next } = await serve();
  const client = await connectTo(listener);
  const server = await next();
  const big = Buffer.alloc(300_000, "x");
  const got = read(client, big.length + 2);
  server.write("a");
  server.write(big);
  server.write("b");
  const text = await got;
  assert.ok(text.startsWith("ax") && text.endsWith("xb"));
});

test("bufferedBytes: a slow reader is seen, and drain tells when it went on", async () => {
  const { listener, next } = await serve();
  const client = await connectTo(listener);
  const server = await next();
  const chunk = Buffer.alloc(2 ** 20);
  let sent = 0;
  while (server.bufferedBytes < 2 ** 21) {
    server.write(chunk);
    sent += chunk.length;
    await new Promise(setImmediate);
  }
  const drained = new Promise<void>((resolve) => {
    server.onDrain(resolve);
  });
  let received = 0;
  const whole = new Promise<void>((resolve) => {
    client.onData((bytes) => {
      received += bytes.length;
      if (received === sent) resolve();
    });
  });
  await drained;
  await whole;
  assert.equal(server.bufferedBytes, 0);
});

test("TLS: what waits for a slow reader is not encrypted ahead; all of it comes in order, last words too", async () => {
  const tls = new TlsContexts([files("slow", ["slow.test"])]);
  const { listener, next } = await serve({ tls, implicitTls: true });
  const client = dialTls({ port: listener.port, host: "127.0.0.1", rejectUnauthorized: false });
  open.push(client);
  const server = await next();
  const large = randomBytes(6 * 2 ** 20);
  const pieces = [Buffer.from("first\r\n"), large, Buffer.from("between\r\n"), large.subarray(0, 300_000)];
  client.pause();
  for (const piece of pieces) server.write(piece);
  await new Promise(setImmediate);
  server.write("later\r\n");
  await new Promise(setImmediate);
  assert.ok(server.bufferedBytes > 2 ** 20);
  const drained = new Promise<void>((resolve) => server.onDrain(resolve));
  const received = client.toArray() as Promise<Buffer[]>;
  await drained;
  assert.equal(server.bufferedBytes, 0);
  server.write(large);
  server.end("bye\r\n");
  const expected = [...pieces, Buffer.from("later\r\n"), large, Buffer.from("bye\r\n")];
  assert.ok(Buffer.concat(await received).equals(Buffer.concat(expected)));
});

test("onClose: tells of a peer that reset, once, also when set late", async () => {
  const { listener, next } = await serve();
  const socket = dial(listener.port, "127.0.0.1");
  const server = await next();
  server.onData(() => {});
  const error = closed(server);
  socket.resetAndDestroy();
  assert.match(String(await error), /ECONNRESET/);
  assert.match(String(await closed(server)), /ECONNRESET/);
});

test("onData: a bug in one session ends that session alone", async () => {
  const { listener, next } = await serve();
  const [bad, good] = [await connectTo(listener), await connectTo(listener)];
  const [badSession, goodSession] = [await next(), await next()];
  const error = closed(badSession);
  badSession.onData(() => assert.fail("a bug"));
  bad.write("x");
  assert.match(String(await error), /a bug/);
  const got = read(goodSession, 2);
  good.write("ok");
  assert.equal(await got, "ok");
});

test("startTls: both sides, with equal channel bindings", async () => {
  const tls = new TlsContexts([files("start", ["localhost"])]);
  const { listener, next } = await serve({ tls });
  const client = await connectTo(listener, { tls: { verify: false, serverName: "localhost" } });
  const server = await next();
  const begun = read(server, 9);
  client.write("STARTTLS\n");
  await begun;
  const ready = read(client, 2);
  server.write("OK");
  const secured = server.startTls();
  await ready;
  await Promise.all([client.startTls(), secured]);
  assert.equal(server.tls?.serverName, "localhost");
  assert.equal(server.tls?.protocol, "TLSv1.3");
  for (const type of ["tls-exporter", "tls-server-end-point"] as const) {
    const binding = server.tls?.channelBinding(type);
    assert.equal(binding?.length, 32);
    assert.deepEqual(client.tls?.channelBinding(type), binding);
  }
  const got = read(server, 6);
  client.write("secret");
  assert.equal(await got, "secret");
  await assert.rejects(server.startTls(), /twice/);
});

test("startTls: an injected clear-text command never reaches the session", async () => {
  const tls = new TlsContexts([files("inject", ["localhost"])]);
  const { listener, next } = await serve({ tls });
  const socket = dial(listener.port, "127.0.0.1");
  open.push(socket);
  const server = await next();
  const heard: string[] = [];
  const secured = new Promise<void>((resolve, reject) => {
    server.onData((chunk) => {
      heard.push(chunk.toString());
      if (heard.length === 1) server.startTls().then(resolve, reject);
    });
  });
  const failed = assert.rejects(secured);
  socket.on("error", () => {});
  socket.write("STARTTLS\n");
  socket.end("NOOP injected\n");
  await failed;
  assert.doesNotMatch(heard.slice(1).join(""), /injected/);
});

test("implicit TLS: SNI chooses the certificate; a failed handshake is refused, not a connection", async () => {
  const tls = new TlsContexts([files("a", ["a.test"]), files("b", ["*.b.test", "b.test"])]);
  const { listener, next, refused } = await serve({ tls, implicitTls: true });
  for (const [serverName, subject] of [
    ["a.test", "a.test"],
    ["mail.b.test", "*.b.test"],
    ["unknown.test", "a.test"],
  ]) {
    const client = dialTls({
      port: listener.port,
      host: "127.0.0.1",
      servername: serverName,
      rejectUnauthorized: false,
    });
    open.push(client);
    const secured = new Promise((resolve) => client.once("secureConnect", resolve).resume());
    const server = await next();
    assert.equal(server.tls?.serverName, serverName);
    await secured;
    assert.equal(client.getPeerCertificate().subject.CN, subject);
  }
  const plain = dial(listener.port, "127.0.0.1");
  plain.end("no hello at all\r\n");
  await new Promise((resolve) =>
    plain
      .on("error", () => {})
      .once("close", resolve)
      .resume(),
  );
  assert.equal(refused.length, 1);
});

test("connect: verifies the peer's certificate unless told not to", async () => {
  const made = files("verify", ["localhost"]);
  const { listener } = await serve({ tls: new TlsContexts([made]), implicitTls: true });
  const implicitTls = true;
  await assert.rejects(connectTo(listener, { implicitTls, tls: { verify: true, serverName: "localhost" } }), {
    code: "DEPTH_ZERO_SELF_SIGNED_CERT",
  });
  const { certificatePem, privateKeyPem } = makeSelfSignedCertificate(
    ["localhost"],
    Date.now(),
    randomBytes(16),
  );
  writeFileSync(made.certificate, certificatePem);
  writeFileSync(made.key, privateKeyPem);
  const trusted = new TlsContexts([made]);
  const other = await serve({ tls: trusted, implicitTls });
  const tls = { verify: true, serverName: "localhost", authorities: certificatePem };
  open.push(await connectTo(other.listener, { implicitTls, tls }));
  await assert.rejects(
    connectTo(other.listener, { implicitTls, tls: { ...tls, serverName: "other.test" } }),
    {
      code: "ERR_TLS_CERT_ALTNAME_INVALID",
    },
  );
});

test("TlsContexts: reloads for new connections; broken files leave the old ones in use", async () => {
  const made = files("reload", ["old.test"]);
  const tls = new TlsContexts([made]);
  const { listener } = await serve({ tls, implicitTls: true });
  const subject = async (): Promise<string | string[] | undefined> => {
    const client = dialTls({ port: listener.port, host: "127.0.0.1", rejectUnauthorized: false });
    open.push(client);
    await new Promise((resolve) => client.once("secureConnect", resolve).resume());
    return client.getPeerCertificate().subject.CN;
  };
  assert.equal(await subject(), "old.test");
  files("reload", ["renewed.test"]);
  const reports: string[] = [];
  const report = (error: Error | undefined): void => void reports.push(error?.message ?? "reloaded");
  tls.reloadIfChanged(report);
  tls.reloadIfChanged(report);
  assert.deepEqual(reports, ["reloaded"]);
  assert.deepEqual(tls.certificates[0]?.names, ["renewed.test"]);
  assert.equal(await subject(), "renewed.test");
  writeFileSync(made.key, "broken");
  tls.reloadIfChanged(report);
  assert.match(reports[1] ?? "", /could not use the key ".*reload\.key"/);
  assert.equal(await subject(), "renewed.test");
});

test("PROXY protocol: trusted peers name the client, in the clear and before TLS; others may not", async () => {
  const proxyProtocolFrom = new NetworkList(["127.0.0.1"]);
  const plain = await serve({ proxyProtocolFrom });
  const proxy = dial(plain.listener.port, "127.0.0.1");
  open.push(proxy);
  proxy.write("PROXY TCP4 192.0.2.1 198.51.100.2 4711 143\r\nhello");
  const server = await plain.next();
  assert.deepEqual([server.remoteAddress, server.remotePort, server.localPort], ["192.0.2.1", 4711, 143]);
  assert.equal(await read(server, 5), "hello");

  const tls = new TlsContexts([files("proxy", ["localhost"])]);
  const secure = await serve({ proxyProtocolFrom, tls, implicitTls: true });
  const socket: Socket = dial(secure.listener.port, "127.0.0.1");
  socket.write("PROXY TCP6 2001:db8::1 2001:db8::2 4712 993\r\n");
  const client = dialTls({ socket, rejectUnauthorized: false });
  open.push(client);
  client.write("over tls");
  const inner = await secure.next();
  assert.equal(inner.remoteAddress, "2001:db8::1");
  assert.equal(await read(inner, 8), "over tls");

  const bad = dial(plain.listener.port, "127.0.0.1");
  bad.write("a LOGIN without header\r\n");
  await new Promise((resolve) =>
    bad
      .on("error", () => {})
      .once("close", resolve)
      .resume(),
  );
  assert.equal(plain.refused.length, 1);
});

test("listen: connections over the bound are refused", async () => {
  const { listener, next, refused } = await serve({ maxConnections: 1 });
  open.push(await connectTo(listener));
  await next();
  const second = dial(listener.port, "127.0.0.1");
  await new Promise((resolve) =>
    second
      .on("error", () => {})
      .once("close", resolve)
      .resume(),
  );
  assert.deepEqual(refused, ["too many connections"]);
});

test("listen: a port in use is an error; a closed one is free at once", async () => {
  const { listener, next } = await serve();
  open.push(await connectTo(listener));
  await next();
  await assert.rejects(serve({ port: listener.port }), { code: "EADDRINUSE" });
  await listener.close();
  await serve({ port: listener.port });
});

test("listenUnix: own permissions, bytes both ways, a stale file is taken over", async () => {
  const path = join(folder, "test.sock");
  for (let round = 0; round < 2; round++) {
    const sessions: Connection[] = [];
    const onConnection = (connection: Connection): void => void sessions.push(connection);
    const listener = await listenUnix({ path, mode: 0o600, onConnection });
    assert.equal(statSync(path).mode & 0o777, 0o600);
    const client = await connectUnix(path);
    const got = read(client, 5);
    while (sessions.length === 0) await new Promise(setImmediate);
    sessions[0]?.write("hello");
    assert.equal(await got, "hello");
    client.destroy();
    await listener.close();
    writeFileSync(path, "");
  }
});
