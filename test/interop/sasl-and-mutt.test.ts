// SCRAM with GNU SASL, bound to TLS and not; mutt in batch mode: a sent message filed, messages deleted.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { bytesOf, fetchAll, imapTo } from "../support/node-clients.ts";
import { type RunningNode, startUp } from "../support/running-node.ts";
import { toolOrSkip } from "../support/tool-or-skip.ts";

const PASSWORD = "secret";
const TIMEOUT_MS = 30_000;
const folder = mkdtempSync(join(tmpdir(), "rookery-sasl-"));
const certificate = join(folder, "data", "tls", "certificate.pem");
let node: RunningNode;

before(async () => {
  const settings = ["--set", "directory.allowplaintext=yes"];
  node = await startUp(join(folder, "data"), ["--password", PASSWORD, ...settings]);
});
after(async () => {
  await node.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** Everything that the program said. The pipe to it stays open without `input`: mutt ends at its end. */
function run(program: string, argv: readonly string[], input?: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const environment = { ...process.env, HOME: folder, TERM: "vt100", LC_ALL: "C" };
    const options = { timeout: TIMEOUT_MS, env: environment };
    const child = execFile(program, argv, options, (error, stdout, stderr) => {
      if (error === null) resolve(`${stdout}${stderr}`);
      else reject(new Error(`${program} failed\n${stdout}${stderr}`, { cause: error }));
    });
    if (input !== undefined) child.stdin?.end(input);
  });
}

function gsasl(mechanism: string, password: string, more: readonly string[]): Promise<string> {
  const { host, port } = node.endpoint("imap");
  const user = ["--authentication-id=alice", "--authorization-id=", `--password=${password}`];
  const argv = [
    "--imap",
    "-m",
    mechanism,
    ...user,
    "--quality-of-protection=qop-auth",
    ...more,
    host,
    `${port}`,
  ];
  return run("gsasl", argv, "");
}

const TLS = ["--starttls", `--x509-ca-file=${certificate}`];

for (const [mechanism, more, name] of [
  ["SCRAM-SHA-256", ["--no-starttls"], "in the clear, with an empty authzid"],
  ["SCRAM-SHA-256", [...TLS, "--no-cb"], "under TLS"],
  ["SCRAM-SHA-256-PLUS", TLS, "bound to TLS"],
  ["PLAIN", TLS, "under TLS"],
] as const) {
  test(`GNU SASL logs in by ${mechanism} ${name}`, async (t) => {
    if (!toolOrSkip(t, "gsasl")) return;
    assert.match(await gsasl(mechanism, PASSWORD, more), /Client authentication finished \(server trusted\)/);
    await assert.rejects(gsasl(mechanism, "wrong", more), /gsasl failed/);
  });
}

test("mutt files what it sends, and deletes", async (t) => {
  if (!toolOrSkip(t, "mutt") || !toolOrSkip(t, "script")) return;
  const { host, port } = node.endpoint("imaps");
  const url = `imaps://${host}:${port}/`;
  const configuration = join(folder, "muttrc");
  const settings = {
    ssl_verify_host: "no",
    certificate_file: certificate,
    imap_user: "alice",
    imap_pass: PASSWORD,
    imap_authenticators: "scram-sha-256",
    folder: url,
    spoolfile: `${url}INBOX`,
    record: `${url}Sent`,
    from: "alice@example.test",
    // The mail itself goes nowhere: its copy in Sent is what counts.
    sendmail: "/bin/true",
    wait_key: "no",
    delete: "yes",
    postponed: "",
  };
  const lines = Object.entries(settings).map(([name, value]) => `set ${name}="${value}"\n`);
  writeFileSync(configuration, lines.join(""));

  await run("mutt", ["-n", "-F", configuration, "-s", "from mutt", "bob@example.test"], "body by mutt\n");
  const imap = await imapTo(node, "alice", PASSWORD);
  await imap.command("EXAMINE Sent");
  const sent = [...(await fetchAll(imap, "BODY.PEEK[]")).values()].map((message) =>
    bytesOf(message).toString(),
  );
  assert.ok(
    sent.some((text) => /^Subject: from mutt\r$/m.test(text) && text.endsWith("\r\nbody by mutt\r\n")),
  );

  const keys = "<delete-pattern>~s Lunch<enter><sync-mailbox><quit>";
  await run("script", ["-qec", `mutt -n -F ${configuration} -e 'push "${keys}"'`, "/dev/null"]);
  await imap.command("EXAMINE INBOX");
  const left = [...(await fetchAll(imap, "BODY.PEEK[]")).values()].map((message) =>
    bytesOf(message).toString(),
  );
  assert.ok(left.length > 0 && left.every((text) => !/^Subject:.*Lunch/m.test(text)));
  imap.close();
});
