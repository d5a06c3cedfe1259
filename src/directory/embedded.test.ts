import { deepEqual, equal, match, notEqual, ok, rejects, throws } from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import BetterSqlite from "better-sqlite3";
import { SimClock } from "../../test/sim/sim-clock.ts";
import { directorySettings } from "../../test/support/directory-settings.ts";
import type { TlsState } from "../base/io/network.ts";
import { systemRandom } from "../base/io/random.ts";
import { Logs } from "../base/log.ts";
import { Metrics } from "../base/metrics.ts";
import { DirectoryError, type DirectoryAdmin, type DirectoryErrorCode } from "./admin.ts";
import { openDirectory } from "./open.ts";
import { AuthError, type AuthContext, type AuthErrorCode, type Directory } from "./port.ts";

const tls: TlsState = { protocol: "TLSv1.3", cipher: "", serverName: "", channelBinding: () => undefined };
const imap: AuthContext = { protocol: "imap", remoteAddress: "192.0.2.1", tls };
const refused = (code: AuthErrorCode) => (error: unknown) =>
  error instanceof AuthError && error.code === code;
const denied = (code: DirectoryErrorCode) => (error: unknown) =>
  error instanceof DirectoryError && error.code === code;

interface Opened {
  readonly directory: Directory;
  readonly admin: DirectoryAdmin;
  readonly clock: SimClock;
  readonly folder: string;
  readonly lines: string[];
  readonly metrics: Metrics;
  reopen(changes?: Parameters<typeof directorySettings>[0]): Promise<Opened>;
}

function open(
  context: TestContext,
  changes: Parameters<typeof directorySettings>[0] = {},
  at?: string,
): Opened {
  const folder = at ?? mkdtempSync(join(tmpdir(), "rookery-embedded-"));
  const clock = new SimClock();
  const lines: string[] = [];
  const metrics = new Metrics();
  const log = new Logs({ level: "debug", format: "json", destination: (line) => lines.push(line) }).named(
    "directory",
  );
  const opened = openDirectory({
    folder,
    io: { clock, random: systemRandom },
    settings: directorySettings(changes),
    log,
    metrics,
  });
  let isOpen = true;
  const close = async (): Promise<void> => {
    if (isOpen) await opened.close();
    isOpen = false;
  };
  context.after(async () => {
    await close();
    rmSync(folder, { recursive: true, force: true });
  });
  const { directory, admin } = opened;
  ok(admin !== undefined);
  return {
    directory,
    admin,
    clock,
    folder,
    lines,
    metrics,
    async reopen(next = changes) {
      await close();
      return open(context, next, folder);
    },
  };
}

test("a changed password, and a disabled account, end what the cache knows at once", async (context) => {
  const { directory, admin } = open(context);
  await admin.addUser({ name: "alice", password: "one" });
  await directory.login("alice", "one", imap);
  await directory.login("alice", "one", imap);
  await admin.setPassword("alice", "two");
  await rejects(directory.login("alice", "one", imap), refused("credentials_invalid"));
  await directory.login("alice", "two", imap);
  await admin.setEnabled("alice", false);
  await rejects(directory.login("alice", "two", imap), refused("account_disabled"));
  await admin.removeUser("alice");
  await admin.addUser({ name: "alice", password: "three" });
  await rejects(directory.login("alice", "two", imap), refused("credentials_invalid"));
});

test("the cache forgets with time, and every login leaves a line and a count, never a password", async (context) => {
  const { directory, admin, clock, lines, metrics } = open(context);
  await admin.addUser({ name: "alice", password: "tr0mbone" });
  const cached = async (): Promise<unknown> => {
    lines.length = 0;
    await directory.login("alice", "tr0mbone", imap);
    return (JSON.parse(lines[0] ?? "{}") as { cached?: unknown }).cached;
  };
  equal(await cached(), false);
  equal(await cached(), true);
  clock.advance(600_000);
  equal(await cached(), false);
  await rejects(directory.login("alice", "tr0m", imap), refused("credentials_invalid"));
  equal(lines.length, 2);
  ok(lines.every((line) => !line.includes("tr0m")));
  match(lines[1] ?? "", /"outcome":"credentials_invalid"/);
  equal(await metrics.value("rookery_directory_logins_total"), 4);
});

test("nothing in the folder tells a password, and everything survives reopening", async (context) => {
  const first = open(context, { defaultdomain: "" });
  await first.admin.addDomain("example.test", { isDefault: true });
  await first.admin.addUser({ name: "alice@example.test", password: "swordfish" });
  const app = await first.admin.addAppPassword("alice", { label: "phone" });
  const second = await first.reopen();
  equal(second.directory.defaultDomain, "example.test");
  equal((await second.directory.login("alice", "swordfish", imap)).userId, "alice");
  equal((await second.directory.login("alice", app.password, imap)).userId, "alice");
  const bytes = readdirSync(second.folder).map((name) => readFileSync(join(second.folder, name), "latin1"));
  for (const secret of ["swordfish", app.password, app.password.replaceAll("-", "")]) {
    ok(bytes.every((content) => !content.includes(secret)));
  }
});

test("a database of a newer version is refused", async (context) => {
  const opened = open(context);
  const database = new BetterSqlite(join(opened.folder, "directory.sqlite"));
  database.pragma("user_version = 99");
  database.close();
  await rejects(opened.reopen(), /schema version 99/);
});

test("app passwords are good for their protocols, until they are revoked", async (context) => {
  const { directory, admin, clock } = open(context);
  await admin.addUser({ name: "alice" });
  const phone = await admin.addAppPassword("alice", { label: "phone", protocols: ["imap", "submission"] });
  const any = await admin.addAppPassword("alice", { label: "laptop" });
  const pop3 = { ...imap, protocol: "pop3" };
  await directory.login("alice", phone.password, imap);
  await directory.login("alice", phone.password.toUpperCase(), imap);
  await rejects(directory.login("alice", phone.password, pop3), refused("credentials_invalid"));
  await directory.login("alice", any.password, pop3);
  deepEqual(
    (await admin.listAppPasswords("alice"))
      .map(({ label, lastUsedAtMs }) => `${label} ${lastUsedAtMs}`)
      .toSorted(),
    [`laptop ${clock.nowMs()}`, `phone ${clock.nowMs()}`],
  );
  await admin.revokeAppPassword("alice", phone.id);
  await rejects(directory.login("alice", phone.password, imap), refused("credentials_invalid"));
  await directory.login("alice", any.password, imap);
  await rejects(admin.revokeAppPassword("alice", phone.id), denied("app_password_unknown"));
});

test("passwords are made anew when the cost of hashing changes, and equal in every form of Unicode", async (context) => {
  const first = open(context);
  await first.admin.addUser({ name: "alice", password: "caf\u00e9" });
  const hashIn = (folder: string): unknown => {
    const database = new BetterSqlite(join(folder, "directory.sqlite"), { readonly: true });
    const hash = database.prepare("SELECT password_hash FROM users").pluck().get();
    database.close();
    return hash;
  };
  const before = hashIn(first.folder);
  const second = await first.reopen({ argon2Passes: 2 });
  await second.directory.login("alice", "cafe\u0301", imap);
  const after = hashIn(second.folder);
  notEqual(after, before);
  match(String(after), /,t=2,/);
  await second.directory.login("alice", "caf\u00e9", imap);
  await rejects(second.admin.setPassword("alice", "bell\u0007"), denied("password_invalid"));
  await rejects(second.admin.setPassword("alice", ""), denied("password_invalid"));
});

test("renameUser keeps credentials, groups and aliases; removeUser takes them away", async (context) => {
  const { directory, admin } = open(context);
  await admin.addDomain("example.org");
  await admin.addUser({ name: "alice", password: "one" });
  await admin.addGroup("staff");
  await admin.addMember("staff", "alice");
  await admin.addAlias("info", ["alice", "alice+Info"]);
  equal((await admin.renameUser("alice", "alicia@example.org")).userId, "alicia@example.org");
  equal((await directory.login("alicia@example.org", "one", imap)).groups.join(), "staff");
  await rejects(directory.login("alice", "one", imap), refused("credentials_invalid"));
  deepEqual(await directory.resolveRecipient("info@example.test"), {
    kind: "users",
    targets: [
      { userId: "alicia@example.org", detail: "Info" },
      { userId: "alicia@example.org", detail: undefined },
    ],
  });
  await admin.removeUser("alicia@example.org");
  deepEqual(await admin.listAliases(), []);
  deepEqual((await admin.listGroups())[0]?.members, []);
});

test("what the directory refuses to change, it names", async (context) => {
  const { admin } = open(context);
  await admin.addDomain("example.org");
  await admin.addUser({ name: "alice", quotaBytes: 5 });
  await admin.addAlias("info", ["alice"]);
  await admin.addGroup("staff", { address: "staff@example.org" });
  for (const [code, change] of [
    ["user_exists", () => admin.addUser({ name: "ALICE@example.test" })],
    ["address_taken", () => admin.addUser({ name: "info" })],
    ["address_taken", () => admin.addAlias("alice", ["alice"])],
    ["address_taken", () => admin.addAlias("staff@example.org", ["alice"])],
    ["name_invalid", () => admin.addUser({ name: "a/b" })],
    ["name_invalid", () => admin.addUser({ name: "a+b" })],
    ["name_invalid", () => admin.addGroup("anyone")],
    ["domain_unknown", () => admin.addUser({ name: "bob@elsewhere.test" })],
    ["target_not_local", () => admin.addAlias("out", ["bob@elsewhere.test"])],
    ["domain_exists", () => admin.addDomain("EXAMPLE.org")],
    ["domain_in_use", () => admin.removeDomain("example.org")],
    ["domain_in_use", () => admin.removeDomain("example.test")],
    ["default_domain_in_use", () => admin.addDomain("example.net", { isDefault: true })],
    ["domain_unknown", () => admin.removeDomain("example.net")],
    ["user_unknown", () => admin.setAdmin("nobody", true)],
    ["group_unknown", () => admin.addMember("nobody", "alice")],
    ["group_exists", () => admin.addGroup("Staff")],
    ["alias_unknown", () => admin.removeAlias("nobody")],
  ] as const) {
    await rejects(change, denied(code), code);
  }
  equal((await admin.listUsers({ domain: "example.test" }))[0]?.quotaBytes, 5);
  deepEqual(await admin.listUsers({ domain: "example.org" }), []);
  deepEqual(await admin.listDomains(), [
    { name: "example.org", isDefault: false, userCount: 0 },
    { name: "example.test", isDefault: true, userCount: 1 },
  ]);
});

test("users without a domain follow the default domain of the configuration", async (context) => {
  const first = open(context, { defaultdomain: "" });
  await first.admin.addUser({ name: "dave" });
  await rejects(first.admin.addDomain("example.org", { isDefault: true }), denied("default_domain_in_use"));
  const second = await first.reopen({ defaultdomain: "example.org" });
  deepEqual((await second.directory.findUser("dave"))?.addresses, ["dave@example.org"]);
});

test("an alias that would lead back to itself is refused", async (context) => {
  const { admin } = open(context);
  await admin.addUser({ name: "alice" });
  await admin.addAlias("x", ["y"]);
  await admin.addAlias("y", ["z+Lists", "alice"]);
  // "z" is nobody yet, so its mail goes to the catch-all.
  await rejects(admin.addAlias("@example.test", ["x"]), denied("alias_loop"));
  await admin.addAlias("both", ["x", "y", "alice+Both"]);
  for (const [alias, target] of [
    ["a", "a"],
    ["a", "A+Detail@example.test"],
    ["y", "x"],
    ["z", "x"],
  ] as const) {
    await rejects(admin.addAlias(alias, ["alice", target]), denied("alias_loop"), `${alias} -> ${target}`);
  }
  await admin.addAlias("z", ["alice"]);
  await admin.addAlias("info+a", ["alice"]);
  await admin.addAlias("info", ["info+a"]);
  await admin.addAlias("@example.test", ["x"]);
  await rejects(admin.addAlias("x", ["nobody"]), denied("alias_loop"));
  await rejects(admin.addAlias("@example.test", ["nobody"]), denied("alias_loop"));
});

test("aliases in a circle end, and reach who is in it", async (context) => {
  const { directory, admin, folder } = open(context);
  await admin.addUser({ name: "alice" });
  await admin.addAlias("a", ["b"]);
  await admin.addAlias("b", ["alice"]);
  // From before circles were refused.
  const database = new BetterSqlite(join(folder, "directory.sqlite"));
  database.prepare("INSERT INTO alias_targets (address, target) VALUES ('b@example.test', 'a')").run();
  database.close();
  const found = await directory.resolveRecipient("a@example.test");
  deepEqual(found, { kind: "users", targets: [{ userId: "alice", detail: undefined }] });
});

test("failed logins wait, the right password waits with them, and the wait is over with time", async (context) => {
  const { directory, admin, clock } = open(context);
  await admin.addUser({ name: "alice", password: "one" });
  for (let attempt = 0; attempt < 5; attempt++) {
    const login = directory.login("alice", `guess ${attempt}`, imap);
    clock.advance(attempt < 4 ? 0 : 1000);
    await rejects(login, refused("credentials_invalid"));
  }
  let isIn = false;
  const login = directory.login("alice", "one", imap).then(() => (isIn = true));
  clock.advance(1999);
  await new Promise((resolve) => setImmediate(resolve));
  equal(isIn, false);
  clock.advance(1);
  await login;
  equal(isIn, true);
});

test("startSasl refuses what it does not speak", (context) => {
  const { directory } = open(context, { mechanisms: ["PLAIN"] });
  deepEqual(directory.mechanisms(imap), ["PLAIN"]);
  for (const name of ["SCRAM-SHA-256", "OAUTHBEARER", "CRAM-MD5", ""]) {
    throws(() => directory.startSasl(name, imap), refused("mechanism_unknown"));
  }
});

test("a database that cannot be read makes logins unavailable, never wrong", async (context) => {
  const { directory, admin, folder } = open(context);
  await admin.addUser({ name: "alice", password: "one" });
  await directory.login("alice", "one", imap);
  const other = new BetterSqlite(join(folder, "directory.sqlite"));
  other.exec("ALTER TABLE users RENAME TO people");
  other.close();
  await rejects(directory.login("bob", "one", imap), refused("unavailable"));
  await rejects(directory.resolveRecipient("alice@example.test"), refused("unavailable"));
});

test("mail that is for a shared folder and for users is not lost", async (context) => {
  const { directory, admin } = open(context, { postuser: "shared" });
  await admin.addUser({ name: "alice" });
  await admin.addAlias("news", ["shared+News"]);
  deepEqual(await directory.resolveRecipient("news@example.test"), { kind: "mailbox", mailbox: "News" });
  await admin.addAlias("news", ["alice"]);
  await rejects(directory.resolveRecipient("news@example.test"), refused("unavailable"));
});

test("ids that a change of the default domain has hidden are reported at start", async (context) => {
  const first = open(context);
  await first.admin.addDomain("example.org");
  await first.admin.addUser({ name: "bob@example.org" });
  const second = await first.reopen({ defaultdomain: "example.org" });
  match(second.lines.join(""), /rename them/);
  equal((await second.admin.renameUser("bob@example.org", "bob")).userId, "bob");
});

test("many connections of one user at once cost one hash: more of them than could wait for one each", async (context) => {
  const { directory, admin } = open(context, { hashConcurrency: 1 });
  await admin.addUser({ name: "alice", password: "one" });
  const logins = Array.from({ length: 1500 }, () => directory.login("alice", "one", imap));
  equal((await Promise.all(logins)).length, 1500);
});
