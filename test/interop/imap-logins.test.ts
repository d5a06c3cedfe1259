// Logins over real TLS and sockets: every mechanism, acting as others, delays, PROXY headers, many idle sessions.
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { NetworkList } from "../../src/base/networks.ts";
import { Secret } from "../../src/base/secret.ts";
import { createSaslClient, type SaslClientCredentials } from "../../src/wire/sasl/client.ts";
import { ImapListener, PASSWORD } from "../support/imap-listener.ts";
import type { WirePeer } from "../support/wire-peer.ts";

const TIMEOUT = { timeout: 60_000 };
const last = (lines: readonly string[]): string => lines.at(-1) ?? "<end>";

/** The tagged line. With `initial` the first message goes with the command (RFC 4959). */
async function authenticate(
  peer: WirePeer,
  mechanism: string,
  credentials: SaslClientCredentials,
  initial = true,
): Promise<string> {
  const client = createSaslClient(mechanism, { nonce: "fyko+d2lbbFgONRv9qkxdawL", ...credentials });
  const first = client.initialResponse;
  const inline = initial && first !== undefined ? ` ${first.toString("base64") || "="}` : "";
  peer.send(`s AUTHENTICATE ${mechanism}${inline}\r\n`);
  let answered = inline !== "";
  for (;;) {
    const line = await peer.line();
    if (line === undefined || line.startsWith("s ")) {
      if (line?.startsWith("s OK") === true) client.finish(undefined);
      return line ?? "<end>";
    }
    if (!line.startsWith("+ ")) continue;
    const challenge = Buffer.from(line.slice(2), "base64");
    const isPrompt = !answered && first !== undefined;
    answered = true;
    const answer = isPrompt ? first : await client.respond(challenge);
    peer.send(`${answer.toString("base64")}\r\n`);
  }
}

async function greeted(listener: ImapListener, implicitTls: boolean): Promise<[WirePeer, string]> {
  const peer = await listener.connect(implicitTls);
  return [peer, (await peer.line()) ?? "<end>"];
}

/** Who the last session is logged in as. */
const actor = (listener: ImapListener): string | undefined =>
  [...listener.server.sessions].at(-1)?.identity?.userId;

test("LOGINDISABLED: no password goes in the clear, STARTTLS opens the way", TIMEOUT, async (context) => {
  const listener = await ImapListener.open(context, { allowPlaintext: false });
  const [peer, greeting] = await greeted(listener, false);
  assert.match(greeting, /STARTTLS LOGINDISABLED/);
  assert.doesNotMatch(greeting, /AUTH=(PLAIN|LOGIN|OAUTHBEARER|XOAUTH2)/);
  assert.match(last(await peer.command(`LOGIN alice ${PASSWORD}`)), / NO \[PRIVACYREQUIRED\]/);
  assert.match(
    await authenticate(peer, "PLAIN", { username: "alice", password: PASSWORD }),
    /^s NO \[PRIVACYREQUIRED\]/,
  );
  // What is behind STARTTLS in the clear is not taken as sent under TLS (CVE-2011-0411).
  peer.send("t STARTTLS\r\nu NOOP\r\n");
  assert.match(last(await peer.until("t ")), /^t OK/);
  await peer.connection.startTls();
  const [capability, done] = await peer.command("CAPABILITY");
  assert.match(capability ?? "", /AUTH=SCRAM-SHA-256-PLUS AUTH=SCRAM-SHA-256.* AUTH=PLAIN/);
  assert.doesNotMatch(capability ?? "", /STARTTLS|LOGINDISABLED/);
  assert.match(done ?? "", /^w\d+ OK/);
  assert.match(last(await peer.command("STARTTLS")), / BAD /);
  assert.match(last(await peer.command(`LOGIN alice ${PASSWORD}`)), / OK \[CAPABILITY/);
});

test("AUTHENTICATE: every mechanism, with and without initial response", TIMEOUT, async (context) => {
  const listener = await ImapListener.open(context, { directory: { failedLoginFree: 1_000 } });
  for (const mechanism of ["PLAIN", "LOGIN", "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS"]) {
    for (const initial of [true, false]) {
      for (const password of [PASSWORD, "wrong"]) {
        const [peer, greeting] = await greeted(listener, true);
        assert.match(greeting, new RegExp(`AUTH=${mechanism}[ \\]]`));
        const data = peer.connection.tls?.channelBinding("tls-exporter");
        assert.ok(data !== undefined);
        const credentials = {
          username: "alice",
          password,
          ...(mechanism.endsWith("PLUS") ? { channelBinding: { type: "tls-exporter", data } as const } : {}),
        };
        const answer = await authenticate(peer, mechanism, credentials, initial);
        const wanted = password === PASSWORD ? /^s OK \[CAPABILITY / : /^s NO \[AUTHENTICATIONFAILED\]/;
        assert.match(answer, wanted, `${mechanism} ${initial ? "with" : "without"} initial response`);
        peer.connection.destroy();
      }
    }
  }
});

test("SCRAM-SHA-256-PLUS: the channel of another connection is refused", TIMEOUT, async (context) => {
  const listener = await ImapListener.open(context);
  const [peer] = await greeted(listener, true);
  const data = Buffer.alloc(32, 1);
  const credentials = {
    username: "alice",
    password: PASSWORD,
    channelBinding: { type: "tls-exporter", data } as const,
  };
  assert.match(await authenticate(peer, "SCRAM-SHA-256-PLUS", credentials), /^s (NO|BAD) /);
  // A client that could bind and was told that the server cannot: somebody took PLUS out of the list (RFC 5802 §6).
  assert.match(await authenticate(peer, "SCRAM-SHA-256", credentials), /^s (NO|BAD) /);
});

test("AUTHENTICATE: a proxy user acts as others, nobody else does", TIMEOUT, async (context) => {
  const listener = await ImapListener.open(context);
  const as = async (username: string, authzid: string, mechanism = "PLAIN"): Promise<string> => {
    const [peer] = await greeted(listener, true);
    return authenticate(peer, mechanism, { username, authzid, password: PASSWORD });
  };
  assert.match(await as("frontend", "bob"), /^s OK/);
  assert.equal(actor(listener), "bob");
  assert.match(await as("frontend", "bob", "SCRAM-SHA-256"), /^s OK/);
  assert.equal(actor(listener), "bob");
  assert.match(await as("alice", "alice"), /^s OK/);
  assert.match(await as("alice", "bob"), /^s NO \[AUTHORIZATIONFAILED\]/);
  assert.match(await as("frontend", "nobody"), /^s NO \[AUTHORIZATIONFAILED\]/);
});

test("OAUTHBEARER: tokens of the issuer log in, others get its JSON and NO", TIMEOUT, async (context) => {
  const { privateKey, publicKey } = await generateKeyPair("ES256");
  const jwks = JSON.stringify({ keys: [{ ...(await exportJWK(publicKey)), kid: "k1", alg: "ES256" }] });
  const listener = await ImapListener.open(context, {
    oauth: {
      issuer: "https://id.example.test",
      audience: ["mail"],
      jwksUrl: "",
      jwksFile: new Secret(jwks),
      algorithms: ["ES256"],
      userClaim: "email",
      scope: "",
      clockSkewMs: 0,
      openidConfiguration: "",
    },
  });
  const token = (expiresInSeconds: number): Promise<string> => {
    const nowSeconds = Math.floor(listener.directoryClock.nowMs() / 1000);
    return new SignJWT({
      iss: "https://id.example.test",
      aud: "mail",
      exp: nowSeconds + expiresInSeconds,
      email: "alice@example.test",
    })
      .setProtectedHeader({ alg: "ES256", kid: "k1" })
      .sign(privateKey);
  };
  for (const mechanism of ["OAUTHBEARER", "XOAUTH2"]) {
    const [peer] = await greeted(listener, true);
    const username = "alice@example.test";
    assert.match(
      await authenticate(peer, mechanism, { username, token: await token(-10) }),
      /^s NO \[AUTHENTICATIONFAILED\]/,
    );
    assert.match(await authenticate(peer, mechanism, { username, token: await token(60) }), /^s OK/);
    assert.equal(actor(listener), "alice");
  }
});

test("failed logins are answered later and later, other users at once", TIMEOUT, async (context) => {
  const listener = await ImapListener.open(context);
  const peer = await listener.connect();
  await peer.line();
  for (let attempt = 0; attempt < 4; attempt++) {
    assert.match(last(await peer.command(`LOGIN alice wrong${attempt}`)), / NO \[AUTHENTICATIONFAILED\]/);
  }
  let answered = false;
  const slow = peer.command("LOGIN alice wrong9").then((lines) => {
    answered = true;
    return lines;
  });
  // Time of the directory stands still until the test moves it.
  const other = await listener.connect();
  await other.line();
  assert.match(last(await other.command("NOOP")), / OK /);
  assert.equal(answered, false);
  listener.directoryClock.advance(60_000);
  assert.match(last(await slow), / NO \[AUTHENTICATIONFAILED\]/);
});

test("PROXY protocol: the session sees the client, not the proxy", TIMEOUT, async (context) => {
  const listener = await ImapListener.open(context, {
    listen: { proxyProtocolFrom: new NetworkList(["127.0.0.0/8"]) },
  });
  const peer = await listener.connect();
  peer.send("PROXY TCP4 192.0.2.7 192.0.2.1 55555 143\r\n");
  assert.match((await peer.line()) ?? "", /^\* OK/);
  assert.match(last(await peer.command(`LOGIN alice ${PASSWORD}`)), / OK /);
  assert.equal([...listener.server.sessions].at(-1)?.connection.remoteAddress, "192.0.2.7");
  const without = await listener.connect();
  without.send("a NOOP\r\n");
  assert.deepEqual(await without.rest(), []);
});

test(
  "shutdown: everybody gets a BYE, also before login, in IDLE and in a command",
  TIMEOUT,
  async (context) => {
    const listener = await ImapListener.open(context);
    const stranger = await listener.connect(true);
    await stranger.line();
    const idle = await listener.login();
    await idle.command("SELECT INBOX");
    idle.send("i IDLE\r\n");
    await idle.until("+ ");
    const half = await listener.login("bob");
    half.send("h APPEND INBOX {100}\r\n");
    await half.until("+ ");
    listener.server.close();
    for (const peer of [stranger, idle, half]) {
      assert.deepEqual(await peer.rest(), ["* BYE Server is shutting down"]);
    }
    const late = await listener.connect();
    assert.deepEqual(await late.rest(), ["* BYE Server is shutting down"]);
    assert.deepEqual(listener.failures, []);
  },
);

test("IDLE: a thousand sessions hear of a new message", TIMEOUT, (context) => idleSessions(context, 1_000));

async function idleSessions(context: TestContext, count: number): Promise<void> {
  const listener = await ImapListener.open(context);
  const peers: WirePeer[] = [];
  for (let started = 0; started < count; started += 50) {
    const group = await Promise.all(
      Array.from({ length: Math.min(50, count - started) }, () => listener.login()),
    );
    for (const peer of group) peer.send("a SELECT INBOX\r\nb IDLE\r\n");
    await Promise.all(group.map((peer) => peer.until("+ ")));
    peers.push(...group);
  }
  await listener.deliver(Buffer.from("Subject: news\r\n\r\n"));
  const heard = await Promise.all(peers.map((peer) => peer.until("* 1 EXISTS")));
  assert.ok(heard.every((lines) => last(lines) === "* 1 EXISTS"));
  for (const peer of peers) peer.send("DONE\r\n");
  const done = await Promise.all(peers.map((peer) => peer.until("b ")));
  assert.ok(done.every((lines) => last(lines).startsWith("b OK")));
  assert.equal(listener.server.sessions.size, count);
  for (const peer of peers) peer.connection.destroy();
}
