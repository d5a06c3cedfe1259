import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { directorySettings } from "../../../../test/support/directory-settings.ts";
import { openInlineStore } from "../../../../test/support/inline-store.ts";
import { systemRandom } from "../../../base/io/random.ts";
import { silentLog } from "../../../base/log.ts";
import { Secret } from "../../../base/secret.ts";
import type { DirectoryAdmin } from "../../../directory/admin.ts";
import { openDirectory } from "../../../directory/open.ts";
import { DEFAULT_NAMESPACE } from "../../../store/namespace.ts";
import { AccountError, type AccountErrorCode } from "../port.ts";
import { LocalAccounts } from "./local-accounts.ts";
import type { LocalMailActions } from "./services.ts";
import { TreeWatch } from "./tree-watch.ts";

const HERE = "192.0.2.1";
const { privateKey, publicKey } = await generateKeyPair("ES256");
const JWKS = JSON.stringify({ keys: [{ ...(await exportJWK(publicKey)), kid: "k1", alg: "ES256" }] });

const refused = (code: AccountErrorCode) => (error: unknown) =>
  error instanceof AccountError && error.code === code;

async function open(
  t: TestContext,
): Promise<{ accounts: LocalAccounts; admin: DirectoryAdmin; token: (claims: object) => Promise<string> }> {
  const folder = mkdtempSync(join(tmpdir(), "rookery-accounts-"));
  const inline = await openInlineStore();
  const { store, clock } = inline;
  const opened = openDirectory({
    folder,
    io: { clock, random: systemRandom },
    settings: directorySettings({ failedLoginFree: 1000 }),
    oauth: {
      issuer: "https://id.example.test",
      audience: ["mail"],
      jwksUrl: "",
      jwksFile: new Secret(JWKS),
      algorithms: ["ES256"],
      userClaim: "email",
      scope: "",
      clockSkewMs: 60_000,
      openidConfiguration: "",
    },
    log: silentLog,
  });
  const tree = new TreeWatch(store);
  t.after(async () => {
    tree.close();
    await opened.close();
    await inline.close();
    rmSync(folder, { recursive: true });
  });
  const { directory, admin } = opened;
  assert.ok(admin !== undefined);
  await admin.addDomain("example.org");
  await admin.addUser({ name: "alice", password: "secret" });
  await admin.addUser({ name: "bob@example.org", password: "secret" });
  const accounts = new LocalAccounts({
    store,
    directory,
    provision: () => Promise.resolve(),
    namespace: DEFAULT_NAMESPACE,
    clock,
    log: silentLog,
    tree,
    mailActions: () => ({}) as LocalMailActions,
  });
  const token = (claims: object): Promise<string> =>
    new SignJWT({
      iss: "https://id.example.test",
      aud: "mail",
      exp: Math.floor(clock.nowMs() / 1000) + 300,
      ...claims,
    })
      .setProtectedHeader({ alg: "ES256", kid: "k1" })
      .sign(privateKey);
  return { accounts, admin, token };
}

test("LocalAccounts: plain names, addresses, Windows names", async (t) => {
  const { accounts } = await open(t);
  for (const [name, userId] of [
    ["alice", "alice"],
    ["Alice@Example.test", "alice"],
    [String.raw`CORP\alice`, "alice"],
    [String.raw`example.test\alice`, "alice"],
    [String.raw`example.org\bob`, "bob@example.org"],
    [String.raw`CORP\bob@example.org`, "bob@example.org"],
  ] as const) {
    const account = await accounts.open(name, "secret", HERE, true);
    assert.equal(account.userId, userId, name);
    account.release();
  }
  for (const [name, password] of [
    ["alice", "wrong"],
    ["bob", "secret"],
    ["nobody", "secret"],
  ] as const) {
    await assert.rejects(accounts.open(name, password, HERE, true), refused("credentials_invalid"));
  }
});

test("LocalAccounts: without TLS, and a disabled account, it is no wrong password (S2.80)", async (t) => {
  const { accounts, admin } = await open(t);
  await assert.rejects(accounts.open("alice", "secret", HERE, false), refused("permission_denied"));
  await admin.setEnabled("alice", false);
  await assert.rejects(accounts.open("alice", "secret", HERE, true), refused("permission_denied"));
  await assert.rejects(accounts.open("alice", "wrong", HERE, true), refused("credentials_invalid"));
});

test("LocalAccounts: app passwords of the protocol, bearer tokens", async (t) => {
  const { accounts, admin, token } = await open(t);
  const { password } = await admin.addAppPassword("alice", { label: "phone", protocols: ["activesync"] });
  assert.equal((await accounts.open("alice", password, HERE, true)).userId, "alice");
  const other = await admin.addAppPassword("alice", { label: "reader", protocols: ["imap"] });
  await assert.rejects(accounts.open("alice", other.password, HERE, true), refused("credentials_invalid"));
  const good = await token({ email: "bob@example.org" });
  assert.equal((await accounts.openWithToken(good, HERE, true)).userId, "bob@example.org");
  for (const bad of [await token({ email: "nobody@example.org" }), await token({ aud: "files" }), "x"]) {
    await assert.rejects(accounts.openWithToken(bad, HERE, true), refused("credentials_invalid"));
  }
});
