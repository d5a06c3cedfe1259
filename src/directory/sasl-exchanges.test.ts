import { deepEqual, equal, notDeepEqual, ok, rejects, throws } from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { SimClock } from "../../test/sim/sim-clock.ts";
import { directorySettings } from "../../test/support/directory-settings.ts";
import type { TlsState } from "../base/io/network.ts";
import { systemRandom } from "../base/io/random.ts";
import { silentLog } from "../base/log.ts";
import { Secret } from "../base/secret.ts";
import { createSaslClient, type SaslClientCredentials } from "../wire/sasl/client.ts";
import { parseBearerRefusal } from "../wire/sasl/oauth.ts";
import { parseServerFirst } from "../wire/sasl/scram-message.ts";
import type { DirectoryAdmin } from "./admin.ts";
import type { OauthSettings } from "./oauth-options.ts";
import { openDirectory } from "./open.ts";
import { AuthError, type AuthContext, type AuthErrorCode, type Directory, type Identity } from "./port.ts";

const BINDING = Buffer.from("exported for this session");
const tls: TlsState = {
  protocol: "TLSv1.3",
  cipher: "",
  serverName: "",
  channelBinding: (type) => (type === "tls-exporter" ? BINDING : undefined),
};
const imap: AuthContext = { protocol: "imap", remoteAddress: "192.0.2.1", tls };
const refused = (code: AuthErrorCode) => (error: unknown) =>
  error instanceof AuthError && error.code === code;

async function open(
  context: TestContext,
  oauth?: OauthSettings,
): Promise<{ directory: Directory; admin: DirectoryAdmin; clock: SimClock }> {
  const folder = mkdtempSync(join(tmpdir(), "rookery-sasl-"));
  const clock = new SimClock();
  const opened = openDirectory({
    folder,
    io: { clock, random: systemRandom },
    settings: directorySettings({ failedLoginFree: 1000 }),
    ...(oauth === undefined ? {} : { oauth }),
    log: silentLog,
  });
  context.after(async () => {
    await opened.close();
    rmSync(folder, { recursive: true });
  });
  const { directory, admin } = opened;
  ok(admin !== undefined);
  await admin.addUser({ name: "alice", password: "w\u00f6nderland" });
  await admin.addUser({ name: "frontend", password: "of the murder", isProxy: true });
  return { directory, admin, clock };
}

/** Both sides, as a protocol with data at success would carry them. */
async function converse(
  directory: Directory,
  mechanism: string,
  credentials: SaslClientCredentials,
  connection = imap,
): Promise<Identity> {
  const client = createSaslClient(mechanism, { nonce: "fyko+d2lbbFgONRv9qkxdawL", ...credentials });
  const server = directory.startSasl(mechanism, connection);
  let message = client.initialResponse ?? Buffer.alloc(0);
  for (;;) {
    const step = await server.step(message);
    if (step.kind === "done") {
      client.finish(step.data);
      return step.identity;
    }
    message = await client.respond(step.data);
  }
}

const plusBinding = { type: "tls-exporter", data: BINDING } as const;

test("every mechanism logs in through the client of wire/sasl", async (context) => {
  const { directory } = await open(context);
  const alice = { username: "alice", password: "w\u00f6nderland" };
  for (const mechanism of ["PLAIN", "LOGIN", "SCRAM-SHA-256"]) {
    equal((await converse(directory, mechanism, alice)).userId, "alice");
  }
  const plus = { ...alice, channelBinding: plusBinding };
  equal((await converse(directory, "SCRAM-SHA-256-PLUS", plus)).userId, "alice");
  deepEqual(directory.mechanisms(imap), ["SCRAM-SHA-256-PLUS", "SCRAM-SHA-256", "PLAIN", "LOGIN"]);
  deepEqual(directory.mechanisms({ ...imap, tls: undefined }), ["SCRAM-SHA-256"]);
});

test("SCRAM refuses wrong passwords, unknown and disabled users, and removed offers", async (context) => {
  const { directory, admin } = await open(context);
  const right = { username: "alice", password: "w\u00f6nderland" };
  await rejects(
    converse(directory, "SCRAM-SHA-256", { ...right, password: "x" }),
    refused("credentials_invalid"),
  );
  await rejects(
    converse(directory, "SCRAM-SHA-256", { ...right, username: "bob" }),
    refused("credentials_invalid"),
  );
  const downgraded = { ...right, channelBinding: plusBinding };
  await rejects(converse(directory, "SCRAM-SHA-256", downgraded), refused("credentials_invalid"));
  await admin.setEnabled("alice", false);
  await rejects(converse(directory, "SCRAM-SHA-256", right), refused("account_disabled"));
});

test("SCRAM acts as another user for who may", async (context) => {
  const { directory } = await open(context);
  const frontend = { username: "frontend", password: "of the murder" };
  const identity = await converse(directory, "SCRAM-SHA-256", { ...frontend, authzid: "alice" });
  deepEqual([identity.userId, identity.authenticatedAs], ["alice", "frontend"]);
  const alice = { username: "alice", password: "w\u00f6nderland", authzid: "frontend" };
  await rejects(converse(directory, "SCRAM-SHA-256", alice), refused("authorization_denied"));
});

test("SCRAM shows an unknown user the same salt each time, as a known one", async (context) => {
  const { directory } = await open(context);
  const saltOf = async (username: string): Promise<Buffer> => {
    const message = createSaslClient("SCRAM-SHA-256", {
      username,
      password: "x",
      nonce: "n",
    }).initialResponse;
    const step = await directory.startSasl("SCRAM-SHA-256", imap).step(message ?? Buffer.alloc(0));
    ok(step.kind === "challenge");
    const first = parseServerFirst(step.data.toString());
    equal(first.iterations, 4096);
    equal(first.salt.length, 16);
    return first.salt;
  };
  deepEqual(await saltOf("nobody"), await saltOf("Nobody@example.test"));
  notDeepEqual(await saltOf("nobody"), await saltOf("somebody"));
  deepEqual(await saltOf("alice"), await saltOf("alice"));
});

const { privateKey, publicKey } = await generateKeyPair("ES256");
const JWKS = JSON.stringify({ keys: [{ ...(await exportJWK(publicKey)), kid: "k1", alg: "ES256" }] });

function oauthSettings(changes: Partial<OauthSettings> = {}): OauthSettings {
  return {
    issuer: "https://id.example.test",
    audience: ["mail"],
    jwksUrl: "",
    jwksFile: new Secret(JWKS),
    algorithms: ["ES256"],
    userClaim: "email",
    scope: "mail.all",
    clockSkewMs: 60_000,
    openidConfiguration: "https://id.example.test/.well-known/openid-configuration",
    ...changes,
  };
}

async function tokenOf(
  clock: SimClock,
  claims: Record<string, unknown> = {},
  key = privateKey,
): Promise<string> {
  const nowSeconds = Math.floor(clock.nowMs() / 1000);
  return new SignJWT({
    iss: "https://id.example.test",
    aud: "mail",
    exp: nowSeconds + 300,
    email: "alice@example.test",
    scope: "openid mail.all",
    ...claims,
  })
    .setProtectedHeader({ alg: "ES256", kid: "k1" })
    .sign(key);
}

test("bearer tokens of the issuer log in", async (context) => {
  const { directory, clock } = await open(context, oauthSettings());
  ok(directory.mechanisms(imap).includes("OAUTHBEARER"));
  const token = await tokenOf(clock);
  for (const mechanism of ["OAUTHBEARER", "XOAUTH2"]) {
    equal((await converse(directory, mechanism, { username: "alice@example.test", token })).userId, "alice");
  }
  equal((await converse(directory, "OAUTHBEARER", { username: "", authzid: "", token })).userId, "alice");
  await rejects(
    converse(directory, "OAUTHBEARER", { username: "frontend@example.test", token }),
    refused("authorization_denied"),
  );
  throws(() => directory.startSasl("OAUTHBEARER", { ...imap, tls: undefined }), refused("tls_required"));
});

test("bearer tokens that are not good get the JSON of RFC 7628, then a failure", async (context) => {
  const { directory, clock } = await open(context, oauthSettings());
  const nowSeconds = Math.floor(clock.nowMs() / 1000);
  const stranger = await generateKeyPair("ES256");
  const unsigned = `${Buffer.from('{"alg":"none"}').toString("base64url")}.${Buffer.from('{"email":"alice@example.test"}').toString("base64url")}.`;
  for (const [why, token] of [
    ["expired", await tokenOf(clock, { exp: nowSeconds - 61 })],
    ["not yet valid", await tokenOf(clock, { nbf: nowSeconds + 61 })],
    ["other issuer", await tokenOf(clock, { iss: "https://id.example.org" })],
    ["other audience", await tokenOf(clock, { aud: "files" })],
    ["no scope", await tokenOf(clock, { scope: "openid" })],
    ["unknown user", await tokenOf(clock, { email: "nobody@example.test" })],
    ["no user", await tokenOf(clock, { email: undefined })],
    ["foreign key", await tokenOf(clock, {}, stranger.privateKey)],
    ["unsigned", unsigned],
    ["opaque", "ya29.opaque"],
  ] as const) {
    const client = createSaslClient("OAUTHBEARER", { username: "", authzid: "", token });
    const server = directory.startSasl("OAUTHBEARER", imap);
    const step = await server.step(client.initialResponse ?? Buffer.alloc(0));
    ok(step.kind === "challenge", why);
    deepEqual(parseBearerRefusal(step.data), {
      status: "invalid_token",
      scope: "mail.all",
      openidConfiguration: "https://id.example.test/.well-known/openid-configuration",
    });
    await rejects(server.step(await client.respond(step.data)), refused("credentials_invalid"), why);
  }
  const skewed = await tokenOf(clock, { exp: nowSeconds - 59 });
  equal(
    (await converse(directory, "OAUTHBEARER", { username: "", authzid: "", token: skewed })).userId,
    "alice",
  );
});

test("keys are fetched from the issuer; while it does not answer, logins are unavailable, not wrong", async (context) => {
  let isUp = false;
  const issuer = createServer((_, response) => {
    response.writeHead(isUp ? 200 : 503, { "content-type": "application/json" }).end(isUp ? JWKS : "{}");
  });
  await new Promise<void>((resolve) => issuer.listen(0, "127.0.0.1", resolve));
  context.after(() => {
    issuer.closeAllConnections();
    issuer.close();
  });
  const address = issuer.address();
  ok(typeof address === "object" && address !== null);
  const jwksUrl = `http://127.0.0.1:${address.port}/jwks`;
  const { directory, clock } = await open(context, oauthSettings({ jwksFile: undefined, jwksUrl }));
  const credentials = { username: "", authzid: "", token: await tokenOf(clock) };
  await rejects(converse(directory, "OAUTHBEARER", credentials), refused("unavailable"));
  isUp = true;
  equal((await converse(directory, "OAUTHBEARER", credentials)).userId, "alice");
});

test("settings of bearer tokens that do not fit together are named", async (context) => {
  await rejects(open(context, oauthSettings({ audience: [] })), /oauth\.audience/);
  await rejects(
    open(context, oauthSettings({ jwksFile: undefined, jwksUrl: "http://x.test" })),
    /oauth\.jwks_url/,
  );
  await rejects(open(context, oauthSettings({ jwksFile: new Secret("no json") })), /oauth\.jwks_file/);
});
