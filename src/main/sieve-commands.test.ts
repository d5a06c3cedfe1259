/** A user's filters as an operator sees, puts and tries them; on a folder that no node serves. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { withFilledStore } from "../../test/support/filled-store.ts";
import { type CliResult, runCli } from "../../test/support/run-cli.ts";

const MAIN = `require ["fileinto", "mailbox", "include", "imap4flags", "vacation"];
include :personal "lists";
if mailboxexists "Nowhere" { discard; stop; }
if header :contains "subject" "holiday" { vacation :days 3 :subject "Away" "Back on Monday"; }
`;
const LISTS = `require ["fileinto", "imap4flags", "include"];
if exists "list-id" { fileinto :flags "\\\\Seen" "Lists"; return; }
`;
const MAIL =
  "From: bob@example.org\r\nTo: alice@example.test\r\nSubject: holiday\r\nList-Id: <a.b>\r\n\r\nHello\r\n";

test("scripts are put, listed, tried with the user's own mailboxes and scripts, made active and removed", () =>
  withFilledStore(async (filled) => {
    await filled.close();
    const data = filled.folder;
    const rookery = (...argv: string[]): Promise<CliResult> => runCli([...argv, "--data", data]);
    const file = (name: string, content: string): string => {
      const path = join(data, name);
      writeFileSync(path, content);
      return path;
    };
    const [main, lists, mail] = [
      file("main.sieve", MAIN),
      file("lists.sieve", LISTS),
      file("mail.eml", MAIL),
    ];
    assert.equal((await rookery("user", "add", "alice", "--password", "secret")).exitCode, 0);

    assert.match((await rookery("sieve", "list", "alice")).stdout, /alice has no scripts/);
    assert.match(
      (await rookery("sieve", "put", "alice", lists)).stdout,
      /Script "lists" of alice is stored\./,
    );
    const put = await rookery("sieve", "put", "alice", main, "--name", "all", "--activate");
    assert.match(put.stdout, /Script "all" of alice is stored and active\./, put.stderr);
    assert.match((await rookery("sieve", "list", "alice")).stdout, /^all +yes +\d+\nlists +\d+$/m);
    assert.equal((await rookery("sieve", "get", "alice")).stdout, MAIN);
    assert.equal((await rookery("sieve", "get", "alice", "none", "--json")).exitCode, 1);

    const tried = await rookery("sieve", "test", "-", mail, "--user", "alice", "--from", "bob@example.org");
    assert.equal(tried.exitCode, 0, tried.stderr);
    assert.match(
      tried.stdout,
      /What would happen:\n {2}file into "Lists", flags \\Seen\n {2}answer "Back on Monday", subject "Away", to each sender once in 3 days/,
    );
    assert.doesNotMatch(tried.stdout, /discard/, "there is no mailbox Nowhere");
    const plain = JSON.parse(
      (await rookery("sieve", "test", main, mail, "--user", "alice", "--json")).stdout,
    ) as {
      readonly actions: readonly { readonly kind: string }[];
    };
    assert.deepEqual(
      plain.actions.map(({ kind }) => kind),
      ["fileinto", "vacation"],
    );
    // Alone every mailbox exists.
    const alone = await rookery(
      "sieve",
      "test",
      file("alone.sieve", MAIN.replace(/^include.*\n/m, "")),
      mail,
    );
    assert.match(alone.stdout, /What would happen:\n {2}discard/);

    const bad = await rookery("sieve", "put", "alice", file("bad.sieve", "if {"));
    assert.equal(bad.exitCode, 65);
    assert.match(bad.stderr, /line 1.*rookery sieve check FILE/s);
    const active = await rookery("sieve", "delete", "alice", "all");
    assert.match(active.stderr, /rookery sieve activate USER --none/);
    assert.equal((await rookery("sieve", "activate", "alice")).exitCode, 64);
    assert.equal((await rookery("sieve", "activate", "alice", "--none")).exitCode, 0);
    assert.equal((await rookery("sieve", "delete", "alice", "all")).exitCode, 0);
    const none = await rookery("sieve", "test", "-", mail, "--user", "alice");
    assert.match(none.stdout, /alice has no active script: the message is kept/);
    assert.match((await rookery("sieve", "list", "nobody")).stderr, /rookery user list/);
  }));
