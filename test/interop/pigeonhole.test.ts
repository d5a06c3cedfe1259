// Generated scripts over generated messages: Rookery and Dovecot's Pigeonhole decide the same.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { promisify } from "node:util";
import fc from "fast-check";
import { MailMessage } from "../../src/delivery/sieve-message.ts";
import type { SieveAction } from "../../src/sieve/actions.ts";
import { SieveScript } from "../../src/sieve/script.ts";
import { literalEnvironment } from "../../src/sieve/testing.ts";
import { inNamespace, makeEtc, VMAIL_UID } from "../support/peers/namespace.ts";
import { peerOrSkip } from "../support/peers/peer-or-skip.ts";
import { unpackPeer } from "../support/peers/unpack.ts";
import { longScript, sampleMessage, sampleMultipart, sampleScript } from "../support/sieve-samples.ts";

const run = promisify(execFile);
const isLong = process.env["ROOKERY_LONG"] === "1";
const SCRIPTS = isLong ? 100 : 25;
const MESSAGES = isLong ? 20 : 6;
const SEED = 5228;
const SENDER = "bob@remote.test";
const RECIPIENT = "alice+work@example.test";

/** What happens to the message, in a form that both can be brought to. */
function dispositionOf(actions: readonly SieveAction[]): string[] {
  // RFC 5228 §2.10.3: one copy a mailbox, which delivery sees to; the flags asked for last count.
  const copies = new Map<string, string>();
  for (const action of actions) {
    if (action.kind === "redirect") copies.set(action.address, `redirect ${action.address}`);
    else if (action.kind === "keep") copies.set("INBOX", copy("INBOX", action.flags));
    else if (action.kind === "fileinto") copies.set(action.mailbox, copy(action.mailbox, action.flags));
    else if (action.kind === "reject") copies.set("reject", `reject ${action.reason}`);
    else if (action.kind === "notify") copies.set("notify", `notify ${action.message ?? ""}`);
    else if (action.kind === "vacation") {
      copies.set(
        "vacation",
        `vacation ${action.seconds} ${action.subject ?? ""} ${action.handle === "h" ? "h" : ""}`.trim(),
      );
    }
  }
  return [...copies.values()].sort();
}

function copy(folder: string, flags: readonly string[]): string {
  return `${folder} ${flags
    .map((flag) => flag.toLowerCase())
    .sort()
    .join(" ")}`.trim();
}

/** Reads what `sieve-test` prints. */
function parseReport(report: string): string[] {
  const found: string[] = [];
  let folder: string | undefined;
  let flags: string[] = [];
  let vacation: { seconds: string; subject: string; handle: string } | undefined;
  let isNotice = false;
  const flush = (): void => {
    if (folder !== undefined) found.push(copy(folder, flags));
    if (vacation !== undefined) {
      const { seconds, subject, handle } = vacation;
      // Without :handle each makes up its own.
      found.push(`vacation ${seconds} ${subject} ${handle === "h" ? "h" : ""}`.trim());
    }
    folder = undefined;
    flags = [];
    vacation = undefined;
    isNotice = false;
  };
  for (const line of report.split("\n")) {
    const stored = /^ \* store message in folder: (.*)$/.exec(line);
    const redirected = /^ \* redirect message to: <(.*)>$/.exec(line);
    const marked = /^\s+\+ add IMAP flags: (.*)$/.exec(line);
    if (stored !== null || redirected !== null || line.startsWith(" * ")) flush();
    const rejected = /^ \* reject message with reason: (.*)$/.exec(line);
    const fact = /^\s+=> (seconds|subject|handle)\s*: (.*)$/.exec(line);
    if (rejected !== null) found.push(`reject ${rejected[1] ?? ""}`);
    if (line.startsWith(" * send vacation")) vacation = { seconds: "", subject: "", handle: "" };
    if (line.startsWith(" * send notification")) isNotice = true;
    if (vacation !== undefined && fact !== null) vacation[fact[1] as keyof typeof vacation] = fact[2] ?? "";
    if (isNotice && fact?.[1] === "subject") found.push(`notify ${fact[2] ?? ""}`);
    if (stored !== null) folder = stored[1];
    if (redirected !== null) found.push(`redirect ${redirected[1] ?? ""}`);
    if (marked !== null) flags = (marked[1] ?? "").split(/\s+/);
  }
  flush();
  return [...new Set(found)].sort();
}

test("Pigeonhole and Rookery decide the same", { timeout: 600_000 }, (t) =>
  compare(t, sampleScript, sampleMessage),
);

test("and so with answers, refusals, header edits and parts", { timeout: 600_000 }, (t) =>
  compare(t, longScript, fc.oneof(sampleMessage, sampleMultipart)),
);

async function compare(
  t: TestContext,
  script: fc.Arbitrary<string>,
  message: fc.Arbitrary<string>,
): Promise<void> {
  if (!(await peerOrSkip(t, "dovecot"))) return;
  const folder = mkdtempSync(join(tmpdir(), "rk-sieve-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  chmodSync(folder, 0o755);
  mkdirSync(join(folder, "mail"));
  const scripts = fc.sample(script, { seed: SEED, numRuns: SCRIPTS });
  const messages = fc.sample(message, { seed: SEED, numRuns: MESSAGES });
  for (const [index, source] of scripts.entries()) writeFileSync(join(folder, `s${index}.sieve`), source);
  for (const [index, source] of messages.entries()) writeFileSync(join(folder, `m${index}.eml`), source);
  writeFileSync(
    join(folder, "dovecot.conf"),
    `mail_location = maildir:${folder}/mail\nmail_home = ${folder}\nmail_uid = ${VMAIL_UID}\nmail_gid = ${VMAIL_UID}\n` +
      "ssl = no\nrecipient_delimiter = +\nnamespace inbox {\n inbox = yes\n separator = /\n}\n" +
      "plugin {\n sieve_extensions = +editheader +vacation-seconds\n sieve_vacation_min_period = 60s\n}\n",
  );
  for (const name of ["", "mail"]) chownSync(join(folder, name), VMAIL_UID, VMAIL_UID);
  const loop =
    `cd ${folder}; for s in $(seq 0 ${SCRIPTS - 1}); do for m in $(seq 0 ${MESSAGES - 1}); do echo "=== $s $m"; ` +
    `/usr/bin/sieve-test -c ${folder}/dovecot.conf -f ${SENDER} -r ${RECIPIENT} -a ${RECIPIENT} s$s.sieve m$m.eml 2>&1 || true; done; done`;
  const { file, args } = inNamespace(await unpackPeer("dovecot"), makeEtc(folder), ["sh", "-c", loop]);
  const { stdout } = await run(file, args, { maxBuffer: 64 * 2 ** 20 });
  const reports = stdout.split("=== ").slice(1);
  assert.equal(reports.length, SCRIPTS * MESSAGES);

  const environment = literalEnvironment({
    envelopeFrom: SENDER,
    envelopeTo: RECIPIENT,
    mailboxExists: (name) => name !== "Nope",
  });
  const differences: string[] = [];
  for (const report of reports) {
    const [numbers = "", ...rest] = report.split("\n");
    const [s = 0, m = 0] = numbers.split(" ").map(Number);
    const text = rest.join("\n");
    assert.match(
      text,
      /final result: (?:success|failed; resolved with successful implicit keep)/,
      `Pigeonhole refused\n${scripts[s]}\n${text}`,
    );
    const bytes = Buffer.from(messages[m] ?? "");
    const outcome = new SieveScript(scripts[s] ?? "").run(new MailMessage(bytes, bytes.length), environment);
    // Actions that go not together (RFC 5429 §2.4): the message is kept, the owner is told.
    const theyFailed = text.includes("final result: failed");
    const theirs = theyFailed ? "failed" : parseReport(text).join(" | ");
    const mine = outcome.error === undefined ? dispositionOf(outcome.actions).join(" | ") : "failed";
    if (mine !== theirs) {
      differences.push(`${scripts[s]}\n${messages[m]}\nRookery:    ${mine}\nPigeonhole: ${theirs}\n${text}`);
    }
  }
  assert.equal(
    differences.length,
    0,
    `${differences.length} of ${reports.length} differ:\n${differences.slice(0, 5).join("\n")}`,
  );
}
