import assert from "node:assert/strict";
import { request } from "node:http";
import { connect } from "node:net";
import { test, type TestContext } from "node:test";
import {
  type EasHost,
  type EasHostOptions,
  startEasHost,
  TestAccounts,
} from "../../test/support/eas-host.ts";
import { WbxmlWriter } from "../wire/wbxml/writer.ts";
import { tagOf } from "../wire/wbxml/code-pages.ts";
import { AccountError } from "./account/port.ts";
import { EasClientError } from "./client.ts";
import type { Command } from "./command.ts";
import { PROTOCOL_VERSIONS } from "./version.ts";

async function host(t: TestContext, options: EasHostOptions = {}): Promise<EasHost> {
  const started = await startEasHost(options);
  t.after(() => started.close());
  return started;
}

const STATUS = tagOf("FolderHierarchy:Status");
/** Answers FolderSync with status 1. */
const folderSync: Command = {
  name: "FolderSync",
  run: () => {
    const writer = new WbxmlWriter().start(tagOf("FolderHierarchy:FolderSync")).text(STATUS, 1).end();
    return Promise.resolve({ kind: "wbxml", bytes: writer.finish() });
  },
};
const sendFolderSync = (writer: WbxmlWriter): void => {
  writer.start(tagOf("FolderHierarchy:FolderSync")).text(tagOf("FolderHierarchy:SyncKey"), "0").end();
};

test("EasServer: OPTIONS and GET tell versions and commands, after a log-in", async (t) => {
  const { client, url } = await host(t);
  const { versions, commands } = await client().options();
  assert.deepEqual(versions, ["12.0", "12.1", "14.0", "14.1", "16.0", "16.1"]);
  assert.ok(commands.includes("Provision") && commands.includes("Settings"));
  const got = await fetch(`${url}/Microsoft-Server-ActiveSync`, {
    headers: { authorization: `Basic ${btoa("alice:secret")}` },
  });
  assert.equal(got.status, 200);
  assert.equal(got.headers.get("ms-server-activesync"), "16.1");
  const refused = await fetch(`${url}/Microsoft-Server-ActiveSync`, { method: "OPTIONS" });
  assert.equal(refused.status, 401);
  assert.match(refused.headers.get("www-authenticate") ?? "", /^Basic realm/);
});

test("EasServer: paths in any case, Opush's paths, names with a domain", async (t) => {
  const { client } = await host(t, { commands: [folderSync] });
  for (const path of [
    "/microsoft-server-activesync",
    "/MICROSOFT-SERVER-ACTIVESYNC",
    "/opush/ActiveSyncServlet/",
  ]) {
    assert.equal((await client({ path }).command("FolderSync", sendFolderSync))?.textOf(STATUS), "1");
  }
  for (const user of [String.raw`EXAMPLE\alice`, "alice@example.test", String.raw`x\alice@example.test`]) {
    assert.equal((await client({ user }).command("FolderSync", sendFolderSync))?.textOf(STATUS), "1");
  }
});

test("EasServer: 401 for wrong credentials only (S2.80)", async (t) => {
  const accounts = new TestAccounts();
  const { client, url } = await host(t, { accounts });
  const wrong = await client({ password: "wrong" }).post("FolderSync", undefined);
  assert.equal(wrong.status, 401);
  for (const header of [
    "",
    "Basic",
    "Basic !!!",
    "Bearer x",
    `Basic ${btoa("nocolon")}`,
    `Basic ${"a".repeat(9999)}`,
  ]) {
    const answer = await fetch(`${url}/Microsoft-Server-ActiveSync?Cmd=Sync`, {
      method: "POST",
      headers: { authorization: header },
    });
    assert.equal(answer.status, 401, header);
  }
  accounts.failure = new AccountError("unavailable", "the directory is down");
  const down = await client().post("FolderSync", undefined);
  assert.equal(down.status, 503);
  assert.equal(down.headers["retry-after"], "30");
});

test("EasServer: every version, both forms of the query, gzip", async (t) => {
  const { client } = await host(t, { commands: [folderSync] });
  for (const version of PROTOCOL_VERSIONS) {
    for (const base64Query of [false, true]) {
      const phone = client({
        version,
        base64Query,
        gzip: true,
        deviceId: `v${version}q${Number(base64Query)}`,
      });
      assert.equal((await phone.command("FolderSync", sendFolderSync))?.textOf(STATUS), "1");
    }
  }
});

test("EasServer: what is wrong is told in the way of the version", async (t) => {
  const { client } = await host(t, { commands: [folderSync], policy: { required: false } });
  const garbage = Buffer.from("this is not WBXML");
  const cutOff = Buffer.from([3, 1, 0x6a, 0, 0, 7, 0x56]);
  const cases: [string, Buffer | undefined, number, number][] = [
    // command, body, status of 14.1, HTTP status of 12.1
    ["FolderSync", garbage, 102, 400],
    ["FolderSync", cutOff, 102, 400],
    ["Sync2", undefined, 0, 501],
    ["GetHierarchy", undefined, 0, 501],
  ];
  for (const [command, body, status, httpStatus] of cases) {
    const old = await client({ version: 121 }).post(command, body);
    assert.equal(old.status, httpStatus, command);
    const answer = await client({ version: 141 }).post(command, body);
    if (status === 0) assert.equal(answer.status, httpStatus);
    else assert.equal(answer.root?.textOf(STATUS), String(status));
  }
  const device = await client({ version: 141, deviceId: "no good" }).post("FolderSync", undefined);
  assert.equal(device.root?.textOf(STATUS), "108");
  const version = await client().post("FolderSync", undefined, {
    headers: { "MS-ASProtocolVersion": "2.5" },
  });
  assert.equal(version.status, 505);
  const query = await client({
    version: 141,
    base64Query: true,
    path: "/Microsoft-Server-ActiveSync?jQ",
  }).options();
  assert.equal(query.versions.length, 6);
});

test("EasServer: a bug in a command is its answer, a log line, and nothing more", async (t) => {
  const buggy: Command = { name: "FolderSync", run: () => Promise.reject(new TypeError("hush")) };
  const gone: Command = {
    name: "Ping",
    run: () => Promise.reject(new AccountError("unavailable", "IMAP server timed out")),
  };
  const { client, events } = await host(t, { commands: [buggy, gone], policy: { required: false } });
  const answer = await client({ version: 141 }).post("FolderSync", undefined);
  assert.equal(answer.root?.textOf(STATUS), "110");
  const old = await client({ version: 121 }).post("FolderSync", undefined);
  assert.equal(old.status, 500);
  assert.doesNotMatch(old.body.toString("utf8"), /hush/);
  assert.equal(events.filter(({ level }) => level === "error").length, 2);
  const later = await client().post("Ping", undefined);
  assert.equal(later.status, 503);
  assert.equal(later.headers["retry-after"], "30");
});

test("EasServer: bodies are bounded, and not read before the log-in", async (t) => {
  const { client, url } = await host(t, {
    commands: [{ name: "SendMail", run: () => Promise.resolve({ kind: "empty" }) }],
    settings: { maxRequestBytes: 100_000 },
    policy: { required: false },
  });
  const extras = { contentType: "message/rfc822" };
  const fits = await client({ version: 121 }).post("SendMail", Buffer.alloc(100_000), extras);
  assert.equal(fits.status, 200);
  const old = await client({ version: 121 }).post("SendMail", Buffer.alloc(100_001), extras);
  assert.equal(old.status, 413);
  const large = await client({ version: 141 }).post("SendMail", Buffer.alloc(100_001), extras);
  assert.equal(large.root?.textOf(tagOf("ComposeMail:Status")), "122");
  // Chunked: nobody says how long it is.
  const status = await new Promise((resolve, reject) => {
    const headers = { authorization: `Basic ${btoa("alice:secret")}`, "content-type": "message/rfc822" };
    const query = "Cmd=SendMail&DeviceId=a1&DeviceType=b";
    const sending = request(`${url}/Microsoft-Server-ActiveSync?${query}`, { method: "POST", headers });
    sending.once("response", (response) => resolve(response.resume().statusCode));
    sending.once("error", reject);
    sending.write(Buffer.alloc(60_000));
    sending.end(Buffer.alloc(60_000));
  });
  assert.equal(status, 413);
});

test("EasServer: Expect: 100-continue", async (t) => {
  const { url } = await host(t, { commands: [folderSync], policy: { required: false } });
  const socket = connect(Number(new URL(url).port), "127.0.0.1");
  const query = "Cmd=FolderSync&DeviceId=a1&DeviceType=b";
  socket.write(
    `POST /Microsoft-Server-ActiveSync?${query} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 0\r\n` +
      `Authorization: Basic ${btoa("alice:secret")}\r\nExpect: 100-continue\r\n\r\n`,
  );
  const answer = Buffer.concat(await socket.toArray()).toString("latin1");
  assert.match(answer, /^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 OK\r\n/);
});

test("EasServer: multipart answers", async (t) => {
  const wbxml = new WbxmlWriter().start(tagOf("ItemOperations:ItemOperations")).end().finish();
  const command: Command = {
    name: "ItemOperations",
    run: ({ acceptMultipart }) =>
      Promise.resolve(
        acceptMultipart
          ? { kind: "multipart", bytes: wbxml, parts: [Buffer.from("one"), Buffer.alloc(0)] }
          : { kind: "wbxml", bytes: wbxml },
      ),
  };
  const { client } = await host(t, { commands: [command], policy: { required: false } });
  for (const base64Query of [false, true]) {
    const answer = await client({ base64Query }).post("ItemOperations", undefined, { acceptMultipart: true });
    assert.equal(answer.headers["content-type"], "application/vnd.ms-sync.multipart");
    assert.deepEqual(answer.parts.map(String), ["one", ""]);
  }
  assert.deepEqual((await client().post("ItemOperations", undefined)).parts, []);
});

test("EasServer: a held Ping lets others by, and a newer one replaces it", async (t) => {
  const order: string[] = [];
  let holding = Promise.withResolvers<void>();
  const ping: Command = {
    name: "Ping",
    async run({ signal, hold, parameters }) {
      const name = parameters.get("ItemId") ?? "";
      await hold(
        () =>
          new Promise<void>((resolve) => {
            if (signal.aborted) resolve();
            signal.addEventListener("abort", () => resolve(), { once: true });
            holding.resolve();
          }),
      );
      order.push(`${name} ended`);
      return { kind: "empty" };
    },
  };
  const { client, gateway } = await host(t, { commands: [ping, folderSync], policy: { required: false } });
  const phone = client();
  const send = (name: string): Promise<unknown> =>
    phone.post("Ping", undefined, { parameters: { ItemId: name } });
  const first = send("first");
  await holding.promise;
  assert.equal((await phone.post("FolderSync", undefined)).status, 200);
  assert.deepEqual([gateway.server.heldCount, gateway.server.requestCount], [1, 0]);
  holding = Promise.withResolvers<void>();
  const second = send("second");
  await first;
  await holding.promise;
  assert.deepEqual(order, ["first ended"]);
  gateway.shutDown();
  await second;
  assert.deepEqual(order, ["first ended", "second ended"]);
  assert.equal((await phone.post("FolderSync", undefined)).status, 503);
});

test("EasServer: a device that is blocked while it waits gets no mail but the refusal, and at once", async (t) => {
  const holding = Promise.withResolvers<void>();
  const ping: Command = {
    name: "Ping",
    async run({ signal, hold }) {
      await hold(
        () =>
          new Promise<void>((resolve) => {
            signal.addEventListener("abort", () => resolve(), { once: true });
            holding.resolve();
          }),
      );
      return { kind: "http", status: 200, headers: {}, text: "there is mail" };
    },
  };
  const { client, gateway, states } = await host(t, { commands: [ping], policy: { required: false } });
  const phone = client();
  const waiting = phone.post("Ping", undefined);
  await holding.promise;
  const [device] = await states.devices("alice");
  assert.ok(device !== undefined);
  await states.updateDevice("alice", device.deviceId, { access: "blocked" });
  gateway.server.endHeld("alice", device.deviceId);
  const answer = await waiting;
  assert.doesNotMatch(answer.body.toString(), /there is mail/);
  assert.deepEqual(
    [answer.status, answer.body],
    await phone.post("Ping", undefined).then(({ status, body }) => [status, body]),
    "as whatever comes after it",
  );
});

test("EasServer: one request of a device at a time, a bounded queue, 503 above it", async (t) => {
  const started: string[] = [];
  const gates = new Map<string, () => void>();
  let came = Promise.withResolvers<void>();
  const slow: Command = {
    name: "FolderSync",
    async run({ parameters }) {
      const name = parameters.get("ItemId") ?? "";
      started.push(name);
      came.resolve();
      await new Promise<void>((resolve) => gates.set(name, resolve));
      return { kind: "empty" };
    },
  };
  const { client, gateway } = await host(t, {
    commands: [slow],
    settings: { maxWaiting: 1 },
    policy: { required: false },
  });
  const phone = client();
  const send = (name: string, of = phone): Promise<{ readonly status: number }> =>
    of.post("FolderSync", undefined, { parameters: { ItemId: name } });
  const one = send("one");
  await came.promise;
  const two = send("two");
  // Another device is not kept waiting.
  came = Promise.withResolvers<void>();
  const other = send("other", client({ deviceId: "another" }));
  await came.promise;
  while (gateway.server.requestCount < 3) await new Promise((resolve) => setImmediate(resolve));
  assert.equal((await send("three")).status, 503);
  assert.deepEqual(started, ["one", "other"]);
  gates.get("other")?.();
  assert.equal((await other).status, 200);
  came = Promise.withResolvers<void>();
  gates.get("one")?.();
  assert.equal((await one).status, 200);
  await came.promise;
  gates.get("two")?.();
  assert.equal((await two).status, 200);
  assert.deepEqual(started, ["one", "other", "two"]);
});

test("EasServer: load above max_requests gets 503 with Retry-After", async (t) => {
  const { client } = await host(t, { commands: [folderSync], settings: { maxRequests: 0 } });
  await assert.rejects(client().command("FolderSync", sendFolderSync), (error: unknown) => {
    assert.ok(error instanceof EasClientError);
    return error.status === 503;
  });
});

test("EasServer: SUMMARY and BREAKDOWN lines carry command, request and user (S2.65, S2.69, S2.71)", async (t) => {
  const fine: Command = {
    name: "Ping",
    async run({ states, summary, device }) {
      await states.device(device.userId, device.deviceId);
      summary.outChange = 10;
      summary.outDelete = 2;
      return { kind: "empty" };
    },
  };
  const { client, events } = await host(t, { commands: [fine], policy: { required: false } });
  await client().post("Ping", undefined);
  const line = events.find(({ log }) => log === "SUMMARY.OUT");
  assert.equal(line?.["event"], "CHANGE: 10, DELETE: 2, FETCH: 0");
  assert.equal(line?.["command"], "Ping");
  assert.equal(line?.["user"], "alice");
  assert.equal(events.filter(({ log }) => log === "SUMMARY.IN").length, 0);
  const breakdown = events.find(({ log }) => log === "BREAKDOWN");
  assert.match(String(breakdown?.["event"]), /^REQUEST:\d+ \(SQL:\d+, OTHER:\d+\)$/);
});
