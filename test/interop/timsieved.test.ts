// The same ManageSieve client and the same generated scripts over the same mail: Cyrus's timsieved and lmtpd, and Rookery.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { systemNetwork } from "../../src/base/io/system-network.ts";
import { LmtpClient } from "../../src/lmtp/client.ts";
import { talk } from "../support/imap-peer.ts";
import { ManagesieveTalk } from "../support/managesieve-talk.ts";
import { startCyrus } from "../support/peers/cyrus.ts";
import { peerOrSkip } from "../support/peers/peer-or-skip.ts";
import { startUp } from "../support/running-node.ts";
import { mixesCopies, sampleMessage, sampleScript } from "../support/sieve-samples.ts";

interface Endpoint {
  readonly host: string;
  readonly port: number;
}

interface Server {
  readonly imap: Endpoint;
  readonly lmtp: Endpoint;
  readonly sieve: ManagesieveTalk;
}

const isLong = process.env["ROOKERY_LONG"] === "1";
const SCRIPTS = isLong ? 100 : 20;
const MESSAGES = isLong ? 20 : 6;
const SEED = 5804;
const FOLDERS = ["INBOX", "Work", "Lists/New", "Junk"];

/** Cyrus counts the header that it adds, and has no mail transfer agent here that would take a redirect. */
function isComparable(script: string): boolean {
  return !/\bsize |\bredirect /.test(script) && !mixesCopies(script);
}

/** `script-message folder flags` for everything that is stored. */
async function stored({ imap }: Server): Promise<string[]> {
  const lines: string[] = [];
  for (const folder of FOLDERS) {
    const answer = await talk(
      imap,
      ["alice", "secret"],
      [`EXAMINE "${folder}"`, "FETCH 1:* (FLAGS BODY.PEEK[HEADER.FIELDS (X-Case)])"],
      { mayFail: true },
    );
    for (const response of answer.split(/^\* \d+ FETCH /m).slice(1)) {
      const flags = /FLAGS \(([^)]*)\)/.exec(response)?.[1] ?? "";
      const name = /X-Case: (\S+)/.exec(response)?.[1];
      // What `rookery up` greets a new user with.
      if (name === undefined) continue;
      const sorted = flags
        .toLowerCase()
        .split(" ")
        .filter((flag) => flag !== "" && flag !== "\\recent")
        .sort();
      lines.push([name, folder, ...sorted].join(" "));
    }
  }
  return lines.sort();
}

async function deliver({ lmtp }: Server, messages: readonly Buffer[]): Promise<void> {
  const client = new LmtpClient(await systemNetwork.connect(lmtp));
  await client.open("client.test");
  for (const body of messages) {
    const { accepted } = await client.send({
      sender: "bob@remote.test",
      recipients: ["alice@example.test"],
      body,
    });
    assert.equal(accepted, 1);
  }
  await client.quit();
}

test("Cyrus and Rookery take the same scripts and file the same", { timeout: 600_000 }, async (t) => {
  if (!(await peerOrSkip(t, "cyrus"))) return;
  const folders = [mkdtempSync(join(tmpdir(), "rk-c")), mkdtempSync(join(tmpdir(), "rk-"))] as const;
  t.after(() => {
    for (const folder of folders) rmSync(folder, { recursive: true, force: true });
  });
  const peer = await startCyrus({
    folder: folders[0],
    users: { cyrus: "cyrus", alice: "secret" },
    services: ["imap", "lmtp", "sieve"],
  });
  t.after(() => peer.stop());
  await peer.create(
    "user/alice",
    "user/alice/Work",
    "user/alice/Lists",
    "user/alice/Lists/New",
    "user/alice/Junk",
  );
  const settings = ["--set", "directory.allowplaintext=true"];
  const node = await startUp(join(folders[1], "data"), ["--password", "secret", ...settings]);
  t.after(() => node.stop());
  await talk(node.endpoint("imap"), ["alice", "secret"], ["CREATE Work", "CREATE Lists/New"]);
  const at = (service: string): Endpoint => ({ host: peer.host, port: peer.ports[service] ?? 0 });
  const clear = new ManagesieveTalk(await systemNetwork.connect(at("sieve")));
  assert.match(await clear.say(""), /^OK/);
  assert.match(await clear.authenticate("alice", "secret"), /^OK/);
  const theirs: Server = { imap: at("imap"), lmtp: at("lmtp"), sieve: clear };
  const own = (name: string): Endpoint => {
    const { host, port } = node.endpoint(name);
    return { host, port };
  };
  const mine: Server = {
    imap: own("imap"),
    lmtp: own("lmtp"),
    sieve: await ManagesieveTalk.login(own("managesieve"), "alice", "secret"),
  };
  const servers = [theirs, mine];

  for (const { sieve } of servers) {
    assert.match(await sieve.putScript("bad", "oops;"), /^NO/);
    assert.match(await sieve.say('HAVESPACE "big" 100'), /^OK/);
    assert.match(await sieve.say('SETACTIVE "none"'), /^NO/);
    assert.match(await sieve.say('GETSCRIPT "none"'), /^NO/);
  }
  const comparable = sampleScript.filter(isComparable);
  const scripts = fc.sample(comparable, { seed: SEED, numRuns: SCRIPTS });
  const messages = fc.sample(sampleMessage, { seed: SEED, numRuns: MESSAGES });
  for (const [s, script] of scripts.entries()) {
    const mails = messages.map((message, m) =>
      Buffer.from(`X-Case: ${s}-${m}\r\n${message.replace("<1@", `<${s}.${m}@`)}`),
    );
    for (const server of servers) {
      assert.match(await server.sieve.putScript("main", script), /^OK/, script);
      assert.match(await server.sieve.say('SETACTIVE "main"'), /^OK/);
      await deliver(server, mails);
    }
  }
  for (const { sieve } of servers) {
    assert.match(await sieve.say('DELETESCRIPT "main"'), /^NO/);
    assert.match(await sieve.say('RENAMESCRIPT "main" "other"'), /^OK/);
    assert.match(await sieve.say('SETACTIVE ""'), /^OK/);
    assert.match(await sieve.say('DELETESCRIPT "other"'), /^OK/);
  }
  const [cyrus = [], rookery = []] = await Promise.all(servers.map(stored));
  assert.ok(cyrus.length > SCRIPTS, "something was filed");
  const differences = [
    ...cyrus.filter((line) => !rookery.includes(line)).map((line) => `Cyrus:   ${line}`),
    ...rookery.filter((line) => !cyrus.includes(line)).map((line) => `Rookery: ${line}`),
  ].sort((a, b) => (a.slice(9) < b.slice(9) ? -1 : 1));
  const first = Number(/(\d+)-/.exec(differences[0] ?? "")?.[1] ?? 0);
  assert.deepEqual(
    differences,
    [],
    `${differences.slice(0, 40).join("\n")}\nthe first is of\n${scripts[first]}`,
  );
});
