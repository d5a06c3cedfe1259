// One ManageSieve dialogue with Dovecot's managesieve and with Rookery: the same answers, by word and response code.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { systemNetwork } from "../../src/base/io/system-network.ts";
import { ManagesieveTalk } from "../support/managesieve-talk.ts";
import { startDovecot } from "../support/peers/dovecot.ts";
import { peerOrSkip } from "../support/peers/peer-or-skip.ts";
import { startUp } from "../support/running-node.ts";

const GOOD = 'require "fileinto";\nfileinto "Work";\n';
const put = (name: string, script: string): string =>
  `PUTSCRIPT "${name}" {${Buffer.byteLength(script)}+}\r\n${script}`;

/** Command → how both answer, in words of RFC 5804 §1.3. */
const DIALOGUE: readonly (readonly [command: string, answer: string])[] = [
  ["LISTSCRIPTS", "OK"],
  ['HAVESPACE "main" 1000', "OK"],
  ['HAVESPACE "main" 99999999999999', "NO"],
  ["HAVESPACE", "NO"],
  [put("main", GOOD), "OK"],
  [put("main", "fileinto;"), "NO"],
  [put("bad", 'require "nonsense";'), "NO"],
  [put("", GOOD), "NO"],
  [`CHECKSCRIPT {${GOOD.length}+}\r\n${GOOD}`, "OK"],
  ["CHECKSCRIPT {5+}\r\nif {}", "NO"],
  ['GETSCRIPT "main"', "OK"],
  ['GETSCRIPT "none"', "NO (NONEXISTENT)"],
  ['SETACTIVE "none"', "NO (NONEXISTENT)"],
  ['SETACTIVE "main"', "OK"],
  ['SETACTIVE "main"', "OK"],
  ['DELETESCRIPT "main"', "NO (ACTIVE)"],
  ['DELETESCRIPT "none"', "NO (NONEXISTENT)"],
  [put("other", GOOD), "OK"],
  ['RENAMESCRIPT "main" "other"', "NO (ALREADYEXISTS)"],
  ['RENAMESCRIPT "none" "third"', "NO (NONEXISTENT)"],
  ['RENAMESCRIPT "main" "third"', "OK"],
  ['SETACTIVE ""', "OK"],
  ['DELETESCRIPT "third"', "OK"],
  ['DELETESCRIPT "other"', "OK"],
  ["NOOP", "OK"],
  ['NOOP "tag"', 'OK (TAG "tag")'],
  ["NONSENSE", "NO"],
  ['AUTHENTICATE "PLAIN"', "NO"],
  ["CAPABILITY", "OK"],
  ["LOGOUT", "OK"],
];

async function answers(talk: ManagesieveTalk): Promise<string[]> {
  const found: string[] = [];
  for (const [command] of DIALOGUE) {
    const answer = await talk.say(command);
    const [, word = "", code = ""] = /^(OK|NO|BYE)(?: (\([^)]*\)))?/.exec(answer) ?? [];
    // Those that say what is wrong with a script or a size are each server's own.
    const isStated = /NONEXISTENT|ACTIVE|ALREADYEXISTS|TAG/i.test(code);
    found.push(`${command.split("\r\n")[0] ?? ""}: ${word}${isStated ? ` ${code}` : ""}`);
  }
  return found;
}

test("Dovecot and Rookery answer the same to every command", async (t) => {
  if (!(await peerOrSkip(t, "dovecot"))) return;
  const folder = mkdtempSync(join(tmpdir(), "rk-ms-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const peer = await startDovecot({
    folder: join(folder),
    users: { alice: "secret" },
    settings: "plugin {\n  sieve = file:~/sieve;active=~/active.sieve\n}\n",
  });
  t.after(() => peer.stop());
  const node = await startUp(join(folder, "data"), ["--password", "secret"]);
  t.after(() => node.stop());
  const dovecot = new ManagesieveTalk(
    await systemNetwork.connect({ host: peer.host, port: peer.ports["sieve"] ?? 0 }),
  );
  assert.match(await dovecot.say(""), /^OK/);
  assert.match(await dovecot.authenticate("alice", "secret"), /^OK/);
  const rookery = await ManagesieveTalk.login(node.endpoint("managesieve"), "alice", "secret");

  const stated = DIALOGUE.map(([command, answer]) => `${command.split("\r\n")[0] ?? ""}: ${answer}`);
  assert.deepEqual(await answers(rookery), stated, "Rookery");
  assert.deepEqual(await answers(dovecot), stated, "Dovecot");
});
