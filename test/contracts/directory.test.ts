/** Every implementation of `Directory` passes this: the embedded database, and LDAP with a real slapd. */
import { deepEqual, equal, ok, rejects } from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import type { TlsState } from "../../src/base/io/network.ts";
import { systemRandom } from "../../src/base/io/random.ts";
import { systemClock } from "../../src/base/io/clock.ts";
import { silentLog } from "../../src/base/log.ts";
import { Secret } from "../../src/base/secret.ts";
import { openDirectory } from "../../src/directory/open.ts";
import { AuthError, type AuthContext, type AuthErrorCode, type Directory } from "../../src/directory/port.ts";
import { printPlain } from "../../src/wire/sasl/plain.ts";
import { directorySettings, ldapSettings } from "../support/directory-settings.ts";
import { Slapd, slapdMissing, SUFFIX, type LdapRecord } from "../support/slapd.ts";

interface Opened {
  readonly directory: Directory;
  close(): Promise<void>;
}

const tls: TlsState = { protocol: "TLSv1.3", cipher: "", serverName: "", channelBinding: () => undefined };
const overTls: AuthContext = { protocol: "imap", remoteAddress: "192.0.2.1", tls };
const inTheClear: AuthContext = { ...overTls, tls: undefined };
const refused = (code: AuthErrorCode) => (error: unknown) =>
  error instanceof AuthError && error.code === code;

function contract(name: string, open: (folder: string) => Promise<Opened>, skip: string | undefined): void {
  describe(`Directory contract: ${name}`, { skip: skip ?? false }, () => {
    const folder = mkdtempSync(join(tmpdir(), "rookery-directory-"));
    let directory: Directory;
    let close: () => Promise<void> = () => Promise.resolve();
    before(async () => {
      const opened = await open(folder);
      directory = opened.directory;
      close = () => opened.close();
    });
    after(async () => {
      await close();
      rmSync(folder, { recursive: true });
    });

    test("login takes user id, address and alias in any case, twice", async () => {
      const alice = { userId: "alice", authenticatedAs: "alice", isAdmin: false, groups: ["staff"] };
      for (const name of ["alice", "Alice@Example.TEST", "info@example.test", "alice"]) {
        deepEqual(await directory.login(name, "wonderland", overTls), alice);
      }
      equal((await directory.login("bob@example.org", "build it", overTls)).userId, "bob@example.org");
    });

    for (const [who, password] of [
      ["alice", "wonderlanD"],
      ["alice", ""],
      ["alice", "build it"],
      ["bob", "build it"],
      ["nobody", "wonderland"],
      ["", "wonderland"],
      ["*", "wonderland"],
      ["alice)(uid=*", "wonderland"],
      ["team@example.test", "wonderland"],
      ["carol", "wrong"],
    ] as const) {
      test(`login refuses ${JSON.stringify(who)} with ${JSON.stringify(password)}`, async () => {
        await rejects(
          directory.login(who, password, { ...overTls, remoteAddress: who }),
          refused("credentials_invalid"),
        );
      });
    }

    test("a disabled account is told so only to who knows its password", async () => {
      await rejects(directory.login("carol", "christmas", overTls), refused("account_disabled"));
    });

    test("no password goes in the clear", async () => {
      await rejects(directory.login("alice", "wonderland", inTheClear), refused("tls_required"));
      ok(!directory.mechanisms(inTheClear).includes("PLAIN"));
      ok(directory.mechanisms(overTls).includes("PLAIN"));
      let code: unknown;
      try {
        directory.startSasl("PLAIN", inTheClear);
      } catch (error) {
        code = error instanceof AuthError ? error.code : error;
      }
      equal(code, "tls_required");
    });

    test("PLAIN logs in, also as another user for who may", async () => {
      const plain = (authzid: string, authcid: string, password: string) =>
        directory.startSasl("plain", overTls).step(printPlain({ authzid, authcid, password }));
      const step = await plain("", "alice", "wonderland");
      equal(step.kind === "done" && step.identity.userId, "alice");
      const own = await plain("alice@example.test", "alice", "wonderland");
      equal(own.kind === "done" && own.identity.userId, "alice");
      for (const actor of ["root", "frontend"]) {
        const proxied = await plain("bob@example.org", actor, `${actor}'s password`);
        ok(proxied.kind === "done");
        equal(proxied.identity.userId, "bob@example.org");
        equal(proxied.identity.authenticatedAs, actor);
        equal(proxied.identity.isAdmin, false);
      }
      await rejects(plain("bob@example.org", "alice", "wonderland"), refused("authorization_denied"));
      await rejects(plain("nobody", "frontend", "frontend's password"), refused("authorization_denied"));
      await rejects(plain("carol", "frontend", "frontend's password"), refused("account_disabled"));
      await rejects(plain("", "alice", "wrong"), refused("credentials_invalid"));
      await rejects(
        directory.startSasl("PLAIN", overTls).step(Buffer.from("alice")),
        refused("protocol_error"),
      );
    });

    test("LOGIN asks twice", async () => {
      const exchange = directory.startSasl("LOGIN", overTls);
      equal(exchange.serverFirst, true);
      const user = await exchange.step(Buffer.alloc(0));
      equal(user.kind === "challenge" && user.data.toString(), "Username:");
      const password = await exchange.step(Buffer.from("alice"));
      equal(password.kind === "challenge" && password.data.toString(), "Password:");
      const done = await exchange.step(Buffer.from("wonderland"));
      equal(done.kind === "done" && done.identity.userId, "alice");
      await rejects(exchange.step(Buffer.from("more")), refused("protocol_error"));

      const withName = directory.startSasl("LOGIN", overTls);
      equal((await withName.step(Buffer.from("alice"))).kind, "challenge");
      equal((await withName.step(Buffer.from("wonderland"))).kind, "done");
    });

    test("findUser gives what is known of a user", async () => {
      const found = await directory.findUser("INFO@example.test");
      ok(found !== undefined);
      // LDAP counts addresses that several users share too.
      deepEqual(found.addresses.slice(0, 2), ["alice@example.test", "info@example.test"]);
      deepEqual(
        { ...found, addresses: [] },
        {
          userId: "alice",
          displayName: "Alice",
          addresses: [],
          isAdmin: false,
          isProxy: false,
          enabled: true,
          quotaBytes: undefined,
        },
      );
      equal((await directory.findUser("root"))?.isAdmin, true);
      equal((await directory.findUser("frontend"))?.isProxy, true);
      equal((await directory.findUser("carol"))?.enabled, false);
      equal(await directory.findUser("nobody"), undefined);
      equal(await directory.findUser("alice@elsewhere.test"), undefined);
      deepEqual(await directory.groupsOf("bob@example.org"), ["staff"]);
      deepEqual(await directory.groupsOf("nobody"), []);
    });

    const alice = (detail?: string) => ({ userId: "alice", detail });
    const bob = (detail?: string) => ({ userId: "bob@example.org", detail });
    for (const [address, expected] of [
      ["alice@example.test", [alice()]],
      ["Alice", [alice()]],
      ['"alice"@EXAMPLE.test', [alice()]],
      ["alice+Lists.Sieve@example.test", [alice("Lists.Sieve")]],
      ["carol@example.test", [{ userId: "carol", detail: undefined }]],
      ["info@example.test", [alice()]],
      ["info+x@example.test", [alice("x")]],
      ["team@example.test", [alice(), bob()]],
      ["staff@example.test", [alice(), bob()]],
      ["staff+x@example.test", [alice("x"), bob("x")]],
      ["whoever@example.org", [bob()]],
      ["whoever+x@example.org", [bob("x")]],
    ] as const) {
      test(`resolveRecipient finds the users of ${address}`, async () => {
        const found = await directory.resolveRecipient(address);
        ok(found.kind === "users");
        deepEqual(
          found.targets.toSorted((a, b) => (a.userId < b.userId ? -1 : 1)),
          expected,
        );
      });
    }
    for (const [address, kind] of [
      ["nobody@example.test", "unknown"],
      ["@example.test", "unknown"],
      ["", "unknown"],
      ["alice@elsewhere.test", "remote"],
      ["alice@[192.0.2.1]", "remote"],
    ] as const) {
      test(`resolveRecipient says ${kind} to ${JSON.stringify(address)}`, async () => {
        equal((await directory.resolveRecipient(address)).kind, kind);
      });
    }

    test("mail to a shared folder's address goes to the folder", async () => {
      deepEqual(await directory.resolveRecipient("shared+News.today@example.test"), {
        kind: "mailbox",
        mailbox: "News.today",
      });
    });

    test("the domains are known in any case", () => {
      equal(directory.defaultDomain, "example.test");
      equal(directory.isLocalDomain("EXAMPLE.Org"), true);
      equal(directory.isLocalDomain("elsewhere.test"), false);
      equal(directory.isLocalDomain("[192.0.2.1]"), false);
    });
  });
}

const COMMON = directorySettings({ postuser: "shared", failedLoginFree: 1000 });

contract(
  "embedded",
  async (folder) => {
    const opened = openDirectory({
      folder,
      io: { clock: systemClock, random: systemRandom },
      settings: COMMON,
      log: silentLog,
    });
    const { admin } = opened;
    ok(admin !== undefined);
    await admin.addDomain("example.org");
    await admin.addUser({ name: "Alice", password: "wonderland", displayName: "Alice" });
    await admin.addUser({ name: "bob@example.org", password: "build it" });
    await admin.addUser({ name: "carol", password: "christmas", enabled: false });
    await admin.addUser({ name: "root", password: "root's password", isAdmin: true });
    await admin.addUser({ name: "frontend", password: "frontend's password", isProxy: true });
    await admin.addAlias("info@example.test", ["alice"]);
    await admin.addAlias("team@example.test", ["alice@example.test", "bob@example.org"]);
    await admin.addAlias("@example.org", ["bob@example.org"]);
    await admin.addGroup("Staff", { address: "staff@example.test" });
    await admin.addMember("staff", "alice");
    await admin.addMember("staff", "bob@example.org");
    return opened;
  },
  undefined,
);

const PEOPLE = `ou=people,${SUFFIX}`;
const GROUPS = `ou=groups,${SUFFIX}`;

function person(uid: string, password: string, more: Record<string, string | string[]> = {}): LdapRecord {
  const mail = uid.includes("@") ? uid : `${uid}@example.test`;
  return {
    dn: `uid=${uid},${PEOPLE}`,
    attributes: {
      objectClass: ["inetOrgPerson", "inetLocalMailRecipient"],
      uid,
      cn: `${uid.slice(0, 1).toUpperCase()}${uid.slice(1)}`,
      sn: uid,
      mail,
      userPassword: password,
      ...more,
    },
  };
}

const RECORDS: readonly LdapRecord[] = [
  { dn: SUFFIX, attributes: { objectClass: ["dcObject", "organization"], dc: "example", o: "example" } },
  {
    dn: `cn=searcher,${SUFFIX}`,
    attributes: { objectClass: ["organizationalRole", "simpleSecurityObject"], userPassword: "seek" },
  },
  { dn: PEOPLE, attributes: { objectClass: "organizationalUnit" } },
  { dn: GROUPS, attributes: { objectClass: "organizationalUnit" } },
  person("alice", "wonderland", { mailLocalAddress: ["info@example.test", "team@example.test"] }),
  person("bob@example.org", "build it", { mailLocalAddress: ["team@example.test", "@example.org"] }),
  person("carol", "christmas", { employeeType: "disabled" }),
  person("root", "root's password"),
  person("frontend", "frontend's password"),
  {
    dn: `cn=Staff,${GROUPS}`,
    attributes: {
      objectClass: ["groupOfNames", "extensibleObject"],
      mail: "staff@example.test",
      member: [`uid=alice,${PEOPLE}`, `uid=bob@example.org,${PEOPLE}`],
    },
  },
];

async function openLdap(
  folder: string,
  changes: (slapd: Slapd) => Parameters<typeof ldapSettings>[0],
): Promise<Opened> {
  const slapd = await Slapd.start(folder, RECORDS);
  const opened = openDirectory({
    folder,
    io: { clock: systemClock, random: systemRandom },
    settings: {
      ...COMMON,
      backend: "ldap",
      domains: ["example.org"],
      admins: ["root"],
      proxyservers: ["frontend"],
    },
    ldap: ldapSettings({
      caFile: new Secret(slapd.ca),
      bindDn: `cn=searcher,${SUFFIX}`,
      bindPassword: new Secret("seek"),
      base: PEOPLE,
      groupBase: GROUPS,
      groupAddressFilter: "(mail={address})",
      disabledFilter: "(employeeType=disabled)",
      ...changes(slapd),
    }),
    log: silentLog,
  });
  return {
    directory: opened.directory,
    async close() {
      await opened.close();
      await slapd.stop();
    },
  };
}

contract(
  "LDAP with StartTLS, groups by search",
  (folder) => openLdap(folder, (slapd) => ({ url: `ldap://127.0.0.1:${slapd.port}` })),
  slapdMissing(),
);
contract(
  "LDAPS, groups by memberOf",
  (folder) =>
    openLdap(folder, (slapd) => ({
      url: `ldaps://localhost:${slapd.tlsPort}`,
      memberOfAttribute: "memberOf",
    })),
  slapdMissing(),
);
