// Out of office of a phone over the ManageSieve of another server: Pigeonhole, beside the user's own filters.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { createTransport } from "nodemailer";
import { SMTPServer } from "smtp-server";
import { systemClock } from "../../src/base/io/clock.ts";
import type { Network } from "../../src/base/io/network.ts";
import { systemRandom } from "../../src/base/io/random.ts";
import { systemNetwork } from "../../src/base/io/system-network.ts";
import { Secret } from "../../src/base/secret.ts";
import { type Account, AccountError, type Vacation } from "../../src/eas/account/port.ts";
import type { RemoteAccounts } from "../../src/eas/account/remote/remote-accounts.ts";
import { SieveClient, SieveRefusal } from "../../src/managesieve/client.ts";
import { remoteAccounts } from "../support/eas-remote.ts";
import { ManagesieveTalk } from "../support/managesieve-talk.ts";
import { startDovecot } from "../support/peers/dovecot.ts";
import { freePorts } from "../support/peers/free-ports.ts";
import type { Peer } from "../support/peers/peer.ts";
import { peersMissing } from "../support/peers/peer-or-skip.ts";

const OWN = 'require "fileinto";\r\nif header :contains "subject" "list" { fileinto "Lists"; }\r\n';
const OUT: Vacation = {
  enabled: true,
  startsAt: 1_790_000_000,
  endsAt: 1_800_000_000,
  internal: { text: 'Back on Monday.\n.\n"quoted" \\ Grüße', isHtml: false },
  externalKnown: { text: "<p>Away</p>", isHtml: true },
  externalUnknown: { text: "<p>Away</p>", isHtml: true },
};
const denied = (error: unknown): boolean =>
  error instanceof AccountError && error.code === "permission_denied";

describe("out of office over Pigeonhole", { skip: peersMissing() ?? false, timeout: 60_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), "rk-oof-"));
  let dovecot: Peer;
  let answered: (text: string) => void = () => undefined;
  const smtp = new SMTPServer({
    disabledCommands: ["STARTTLS", "AUTH"],
    onData(stream, _session, done) {
      const chunks: Buffer[] = [];
      stream.on("data", (chunk: Buffer) => chunks.push(chunk));
      stream.on("end", () => {
        answered(Buffer.concat(chunks).toString());
        done();
      });
    },
  });
  const opened: RemoteAccounts[] = [];
  before(async () => {
    const users = Object.fromEntries(
      ["alice", "bob", "carol"].map((name) => [`${name}@example.test`, "secret"]),
    );
    await new Promise<void>((resolve) => smtp.listen(0, "127.0.0.1", resolve));
    const { port } = smtp.server.address() as AddressInfo;
    const settings = `
      auth_mechanisms = plain login scram-sha-256
      submission_host = 127.0.0.1:${port}
      lda_mailbox_autocreate = yes
      protocol lmtp {
        mail_plugins = sieve
      }`;
    dovecot = await startDovecot({ folder, users, settings });
  });
  after(async () => {
    await new Promise<void>((resolve) => smtp.close(resolve));
    for (const accounts of opened) accounts.close();
    await dovecot.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  const accountOf = async (user: string, settings: Readonly<Record<string, string>>): Promise<Account> => {
    const accounts = remoteAccounts(dovecot.ports["imap"] ?? 0, { login_with_domain: "yes", ...settings });
    opened.push(accounts);
    return accounts.open(user, "secret", "192.0.2.1", true);
  };
  const withSieve = (user: string): Promise<Account> =>
    accountOf(user, {
      managesieve: `127.0.0.1:${dovecot.ports["sieve"] ?? 0}`,
      managesieve_tls: "off",
    });
  /** As the user's own mail program is connected. */
  const talk = async (user: string): Promise<ManagesieveTalk> => {
    const port = dovecot.ports["sieve"] ?? 0;
    const client = new ManagesieveTalk(await systemNetwork.connect({ host: "127.0.0.1", port }));
    assert.match(await client.say(""), /^OK/);
    assert.match(await client.authenticate(`${user}@example.test`, "secret"), /^OK/);
    return client;
  };

  test("what was set is read again; the user's filters are included, and active again afterwards", async () => {
    const own = await talk("alice");
    assert.match(await own.putScript("mine", OWN), /^OK/);
    assert.match(await own.say('SETACTIVE "mine"'), /^OK/);
    const account = await withSieve("alice");
    assert.equal((await account.vacation()).enabled, false);
    await account.setVacation(OUT);
    assert.deepEqual(await account.vacation(), OUT);
    // Both are there, and the active one cannot be deleted (RFC 5804 §2.10).
    assert.match(await own.say('DELETESCRIPT "out-of-office"'), /^NO/);
    assert.match(await own.say('HAVESPACE "mine" 10'), /^OK/);

    // Always on: whoever writes gets the answer, and his mail goes where the user's own filter wants it.
    await account.setVacation({ ...OUT, startsAt: undefined, endsAt: undefined });
    const answer = new Promise<string>((resolve) => (answered = resolve));
    const lmtp = createTransport({ host: "127.0.0.1", port: dovecot.ports["lmtp"] ?? 0, lmtp: true });
    await lmtp.sendMail({
      from: "friend@elsewhere.test",
      to: "alice@example.test",
      subject: "list of things",
      text: "Hi",
    });
    lmtp.close();
    assert.match(await answer, /^To: <?friend@elsewhere\.test>?\r$[^]*Content-Type: text\/html/m);
    const lists = (await account.folders()).find(({ name }) => name === "Lists");
    assert.equal((await (await account.openMail(lists?.key ?? "")).uids(0)).length, 1);

    await account.setVacation({ ...OUT, enabled: false });
    assert.equal((await account.vacation()).enabled, false);
    assert.match(await own.say('DELETESCRIPT "mine"'), /^NO/);
    assert.match(await own.say('DELETESCRIPT "out-of-office"'), /^OK/);
    assert.match(await own.say("LOGOUT"), /^OK/);
  });

  test("a script of the user that answers already is left alone", async () => {
    const own = await talk("bob");
    assert.match(await own.putScript("mine", 'require "vacation";\r\nvacation "I am away";\r\n'), /^OK/);
    assert.match(await own.say('SETACTIVE "mine"'), /^OK/);
    const account = await withSieve("bob");
    await assert.rejects(account.setVacation(OUT), denied);
    assert.match(await own.say('DELETESCRIPT "mine"'), /^NO/);
    assert.equal((await account.vacation()).enabled, false);
    assert.match(await own.say("LOGOUT"), /^OK/);
  });

  test("where the password would be seen it is not shown: SCRAM", async () => {
    const port = dovecot.ports["sieve"] ?? 0;
    const network: Network = {
      listen: (options) => systemNetwork.listen(options),
      // A server elsewhere, as its client sees it.
      connect: (options) => systemNetwork.connect({ ...options, host: "127.0.0.1" }),
    };
    const connect = (password: string): Promise<SieveClient> =>
      SieveClient.connect(
        {
          host: "mail.example.test",
          port,
          tls: "auto",
          verify: false,
          user: "carol@example.test",
          password: new Secret(password),
          silenceMs: 10_000,
        },
        { network, clock: systemClock, random: systemRandom },
      );
    const client = await connect("secret");
    assert.deepEqual(await client.listScripts(), []);
    client.close();
    await assert.rejects(connect("guess"), SieveRefusal);
  });

  test("without ManageSieve it is denied, with one that is away it is unavailable", async () => {
    const without = await accountOf("carol", {});
    await assert.rejects(without.vacation(), denied);
    await assert.rejects(without.setVacation(OUT), denied);
    const [closed = 0] = await freePorts(1);
    const away = await accountOf("carol", { managesieve: `127.0.0.1:${closed}`, managesieve_tls: "off" });
    await assert.rejects(
      away.vacation(),
      (error) => error instanceof AccountError && error.code === "unavailable",
    );
    // TLS is demanded, and there is none.
    const clear = await accountOf("carol", { managesieve: `127.0.0.1:${dovecot.ports["sieve"] ?? 0}` });
    await assert.rejects(clear.vacation(), denied);
  });
});
