// `serve` as an operator sets it up: own certificates (SNI, SIGHUP), a load balancer in front, users in LDAP.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect as connectTcp } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { connect as connectTls, type TLSSocket } from "node:tls";
import { ImapClient } from "../../src/imap/client.ts";
import { makeSelfSignedCertificate } from "../../src/main/certificate.ts";
import { bytesOf, connectTo, fetchAll, imapTo, lmtpTo } from "../support/node-clients.ts";
import { type RunningNode, startServe } from "../support/running-node.ts";
import { ROOT_DN, ROOT_PASSWORD, Slapd, slapdMissing, SUFFIX } from "../support/slapd.ts";

const TIMEOUT = { timeout: 120_000 };

function temporaryFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "rookery-serve-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

async function serve(t: TestContext, folder: string, settings: readonly string[]): Promise<RunningNode> {
  const listen = ["imap", "imaps", "lmtp"].map((service) => `listen.${service}=127.0.0.1:0`);
  const node = await startServe(join(folder, "data"), [...listen, ...settings]);
  t.after(() => node.stop());
  return node;
}

/** Writes a new certificate and key for these names. */
function makeCertificate(folder: string, file: string, names: readonly string[]): void {
  const { certificatePem, privateKeyPem } = makeSelfSignedCertificate(names, Date.now(), randomBytes(16));
  writeFileSync(join(folder, `${file}.crt`), certificatePem);
  writeFileSync(join(folder, `${file}.key`), privateKeyPem);
}

async function tlsTo(node: RunningNode, servername?: string): Promise<TLSSocket> {
  const { host, port } = node.endpoint("imaps");
  const named = servername === undefined ? {} : { servername };
  const socket = connectTls({ host, port, rejectUnauthorized: false, ...named });
  await once(socket, "secureConnect");
  return socket;
}

/** Serial number and common name of what the node shows to a client that asks for this name. */
async function shown(node: RunningNode, servername?: string): Promise<{ serial: string; name: string }> {
  const socket = await tlsTo(node, servername);
  const { serialNumber, subject } = socket.getPeerCertificate();
  socket.destroy();
  return { serial: serialNumber, name: String(subject.CN) };
}

/** What the log says from here on, line by line, until one matches. */
async function logged(node: RunningNode, pattern: RegExp): Promise<string> {
  for (;;) {
    const line = node.log.find((text) => pattern.test(text));
    if (line !== undefined) return line;
    assert.ok(node.child.stderr !== null);
    await once(node.child.stderr, "data");
  }
}

test("the certificate is chosen by name, and exchanged on SIGHUP under open sessions", TIMEOUT, async (t) => {
  const folder = temporaryFolder(t);
  makeCertificate(folder, "one", ["mail.example.test"]);
  makeCertificate(folder, "two", ["mail.example.org", "*.two.example.org"]);
  const node = await serve(t, folder, [
    `tls.certificate=${join(folder, "one.crt")}`,
    `tls.key=${join(folder, "one.key")}`,
    `tls.more_certificates=${join(folder, "two.crt")}=${join(folder, "two.key")}`,
  ]);
  const first = await shown(node, "mail.example.test");
  assert.equal(first.name, "mail.example.test");
  assert.equal((await shown(node, "mail.example.org")).name, "mail.example.org");
  assert.equal((await shown(node, "imap.two.example.org")).name, "mail.example.org");
  assert.equal((await shown(node, "unknown.example.com")).name, "mail.example.test");
  assert.equal((await shown(node)).name, "mail.example.test");

  const session = await tlsTo(node, "mail.example.test");
  makeCertificate(folder, "one", ["mail.example.test"]);
  const changed = logged(node, /certificates (read again|changed)/);
  node.child.kill("SIGHUP");
  await changed;
  const second = await shown(node, "mail.example.test");
  assert.equal(second.name, "mail.example.test");
  assert.notEqual(second.serial, first.serial);

  writeFileSync(join(folder, "one.crt"), "no certificate");
  const refused = logged(node, /old ones stay in use/);
  node.child.kill("SIGHUP");
  await refused;
  assert.deepEqual(await shown(node, "mail.example.test"), second);

  let said = "";
  session.on("data", (chunk: Buffer) => (said += chunk.toString()));
  session.write("a NOOP\r\n");
  while (!said.includes("a OK")) await once(session, "data");
  session.destroy();
});

test(
  "behind a load balancer the log names the client; without the header nobody gets in",
  TIMEOUT,
  async (t) => {
    const folder = temporaryFolder(t);
    const node = await serve(t, folder, ["node.trusted_proxies=127.0.0.1", "directory.allowplaintext=yes"]);
    const { host, port } = node.endpoint("imap");
    const talk = async (text: string): Promise<string> => {
      const socket = connectTcp(port, host);
      t.after(() => socket.destroy());
      let said = "";
      socket.on("data", (chunk: Buffer) => (said += chunk.toString()));
      socket.on("error", () => undefined);
      socket.write(text);
      await once(socket, "close");
      return said;
    };
    const answer = await talk(
      "PROXY TCP4 192.0.2.7 192.0.2.1 55555 143\r\na LOGIN nobody secret\r\nb LOGOUT\r\n",
    );
    assert.match(answer, /\r\na NO [^\r]*\r\n[^]*\r\nb OK /);
    await logged(node, /192\.0\.2\.7/);
    assert.equal(await talk("a NOOP\r\n"), "");
  },
);

/** The response code of a refused login. */
async function loginCode(node: RunningNode, user: string, password: string): Promise<string | undefined> {
  const client = new ImapClient(await connectTo(node, "imaps"));
  const { status, code } = await client.command(`LOGIN ${user} ${password}`);
  client.close();
  assert.equal(status, "NO");
  return code;
}

test(
  "users of LDAP get mail, log in and read it",
  { ...TIMEOUT, skip: slapdMissing() ?? false },
  async (t) => {
    const folder = temporaryFolder(t);
    mkdirSync(join(folder, "slapd"));
    const person = { objectClass: ["inetOrgPerson", "inetLocalMailRecipient"], cn: "Ann", sn: "A" };
    const slapd = await Slapd.start(join(folder, "slapd"), [
      { dn: SUFFIX, attributes: { objectClass: ["dcObject", "organization"], dc: "example", o: "example" } },
      {
        dn: `uid=ann,${SUFFIX}`,
        attributes: {
          ...person,
          uid: "ann",
          mail: "ann@example.test",
          mailLocalAddress: "a.n.n@example.test",
          userPassword: "of ann",
        },
      },
    ]);
    t.after(() => slapd.stop());
    const node = await serve(t, folder, [
      "directory.backend=ldap",
      "directory.defaultdomain=example.test",
      `ldap.url=ldap://127.0.0.1:${slapd.port}`,
      `ldap.ca_file=${join(folder, "slapd", "certificate.pem")}`,
      `ldap.bind_dn=${ROOT_DN}`,
      `ldap.bind_password=${ROOT_PASSWORD}`,
      `ldap.base=${SUFFIX}`,
      "ldap.retry_delay=0s",
    ]);
    const lmtp = await lmtpTo(node);
    const body = Buffer.from("Subject: by LDAP\r\n\r\nHello.\r\n");
    const recipients = ["ann@example.test", "a.n.n@example.test", "nobody@example.test"];
    const sent = await lmtp.send({ sender: "", recipients, body });
    assert.deepEqual(
      sent.recipients.map(({ code }) => code),
      [250, 250, 550],
    );
    await lmtp.quit();
    const imap = await imapTo(node, "ann", '"of ann"');
    await imap.command("EXAMINE INBOX");
    const bodies = [...(await fetchAll(imap, "BODY.PEEK[]")).values()].map((message) => bytesOf(message));
    assert.ok(bodies.length > 0 && bodies.every((bytes) => bytes.includes(body)));
    await imap.command("LOGOUT");
    assert.equal(await loginCode(node, "ann", "wrong"), "AUTHENTICATIONFAILED");
    // Down is not wrong: a client must not ask its user for another password.
    await slapd.stop();
    assert.equal(await loginCode(node, "ann", "wrong"), "UNAVAILABLE");
    await slapd.run();
    assert.equal(await loginCode(node, "ann", "wrong"), "AUTHENTICATIONFAILED");
  },
);
