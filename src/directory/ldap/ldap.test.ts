/** What only LDAP has: a server that goes away, hangs, or has the wrong certificate. The rest is the contract's. */
import { deepEqual, equal, ok, rejects } from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { Attribute, Change } from "ldapts";
import { directorySettings, ldapSettings } from "../../../test/support/directory-settings.ts";
import {
  ROOT_DN,
  ROOT_PASSWORD,
  Slapd,
  slapdMissing,
  SUFFIX,
  type LdapRecord,
} from "../../../test/support/slapd.ts";
import { SimClock } from "../../../test/sim/sim-clock.ts";
import { systemClock } from "../../base/io/clock.ts";
import { systemRandom } from "../../base/io/random.ts";
import { silentLog } from "../../base/log.ts";
import { Secret } from "../../base/secret.ts";
import { openDirectory } from "../open.ts";
import { AuthError, type AuthContext, type AuthErrorCode, type Directory } from "../port.ts";
import type { LdapSettings } from "./ldap-options.ts";

const imap: AuthContext = { protocol: "imap", remoteAddress: "192.0.2.1", tls: undefined };
const refused = (code: AuthErrorCode) => (error: unknown) =>
  error instanceof AuthError && error.code === code;
const skip = slapdMissing() ?? false;
const ALICE = `uid=alice,${SUFFIX}`;

const RECORDS: readonly LdapRecord[] = [
  { dn: SUFFIX, attributes: { objectClass: ["dcObject", "organization"], dc: "example", o: "example" } },
  {
    dn: ALICE,
    attributes: { objectClass: "inetOrgPerson", uid: "alice", cn: "Alice", sn: "A", userPassword: "one" },
  },
];

/** Pauses, time bounds and the age of what is known move with `clock` only where a test moves it. */
function open(
  context: TestContext,
  changes: Partial<LdapSettings>,
  clock: typeof systemClock = systemClock,
): Directory {
  const folder = mkdtempSync(join(tmpdir(), "rookery-ldap-"));
  const opened = openDirectory({
    folder,
    io: { clock, random: systemRandom },
    settings: directorySettings({ backend: "ldap", allowplaintext: true, failedLoginFree: 1000 }),
    ldap: ldapSettings({
      bindDn: ROOT_DN,
      bindPassword: new Secret(ROOT_PASSWORD),
      base: SUFFIX,
      retryDelayMs: 0,
      cacheTimeMs: 0,
      ...changes,
    }),
    log: silentLog,
  });
  equal(opened.admin, undefined);
  context.after(async () => {
    await opened.close();
    rmSync(folder, { recursive: true });
  });
  return opened.directory;
}

async function start(context: TestContext): Promise<Slapd> {
  const folder = mkdtempSync(join(tmpdir(), "rookery-slapd-"));
  const slapd = await Slapd.start(folder, RECORDS);
  context.after(async () => {
    await slapd.stop();
    rmSync(folder, { recursive: true });
  });
  return slapd;
}

test(
  "while the server is down logins are unavailable, never wrong; then they work again",
  { skip },
  async (context) => {
    const slapd = await start(context);
    const directory = open(context, { url: `ldap://127.0.0.1:${slapd.port}`, caFile: new Secret(slapd.ca) });
    await directory.login("alice", "one", imap);
    await slapd.stop();
    for (const password of ["one", "wrong"]) {
      await rejects(directory.login("alice", password, imap), refused("unavailable"));
    }
    await rejects(directory.resolveRecipient("alice@example.test"), refused("unavailable"));
    await slapd.run();
    await directory.login("alice", "one", imap);
    await rejects(directory.login("alice", "wrong", imap), refused("credentials_invalid"));
  },
);

test("a restart between two requests is not noticed", { skip }, async (context) => {
  const slapd = await start(context);
  for (const url of [`ldap://127.0.0.1:${slapd.port}`, `ldaps://localhost:${slapd.tlsPort}`]) {
    const directory = open(context, { url, caFile: new Secret(slapd.ca) });
    await directory.login("alice", "one", imap);
    await slapd.stop();
    await slapd.run();
    await directory.login("alice", "one", imap);
  }
});

test("a server whose certificate is not trusted gets no password", { skip }, async (context) => {
  const slapd = await start(context);
  for (const url of [`ldap://127.0.0.1:${slapd.port}`, `ldaps://localhost:${slapd.tlsPort}`]) {
    await rejects(open(context, { url }).login("alice", "one", imap), refused("unavailable"));
  }
});

test("what is known of a user and his password lives as long as cache_time", { skip }, async (context) => {
  const slapd = await start(context);
  const clock = new SimClock();
  const url = `ldap://127.0.0.1:${slapd.port}`;
  const directory = open(context, { url, caFile: new Secret(slapd.ca), cacheTimeMs: 60_000 }, clock);
  await directory.login("alice", "one", imap);
  await slapd.change(async (client) => {
    const values = [new Attribute({ type: "userPassword", values: ["two"] })];
    for (const modification of values)
      await client.modify(ALICE, new Change({ operation: "replace", modification }));
  });
  await directory.login("alice", "one", imap);
  clock.advance(60_000);
  await rejects(directory.login("alice", "one", imap), refused("credentials_invalid"));
  await directory.login("alice", "two", imap);
});

test("many logins at a time share the bounded connections", { skip }, async (context) => {
  const slapd = await start(context);
  const directory = open(context, {
    url: `ldap://127.0.0.1:${slapd.port}`,
    startTls: false,
    maxConnections: 2,
  });
  const logins = Array.from({ length: 60 }, (_, index) =>
    directory.login("alice", index % 2 === 0 ? "one" : "wrong", imap).then(
      () => "ok",
      (error: unknown) => (error instanceof AuthError ? error.code : String(error)),
    ),
  );
  deepEqual(
    await Promise.all(logins),
    Array.from({ length: 60 }, (_, index) => (index % 2 === 0 ? "ok" : "credentials_invalid")),
  );
});

test("a server that takes the connection and says nothing is given up after the timeout", async (context) => {
  const silent = createServer(() => {});
  await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
  context.after(() => silent.close());
  const address = silent.address();
  ok(typeof address === "object" && address !== null);
  const directory = open(context, { url: `ldap://127.0.0.1:${address.port}`, timeoutMs: 50 });
  await rejects(directory.login("alice", "one", imap), refused("unavailable"));
});

test("after a failure the server is left alone for a while, longer each time", async (context) => {
  const clock = new SimClock();
  let connections = 0;
  const rude = createServer((socket) => {
    connections++;
    socket.destroy();
  });
  await new Promise<void>((resolve) => rude.listen(0, "127.0.0.1", resolve));
  context.after(() => rude.close());
  const address = rude.address();
  ok(typeof address === "object" && address !== null);
  const directory = open(context, { url: `ldap://127.0.0.1:${address.port}`, retryDelayMs: 1000 }, clock);
  const login = () => rejects(directory.login("alice", "one", imap), refused("unavailable"));
  const seen: number[] = [];
  for (const ms of [0, 999, 1, 1999, 1]) {
    clock.advance(ms);
    await login();
    seen.push(connections);
  }
  deepEqual(seen, [1, 1, 2, 2, 3]);
});
