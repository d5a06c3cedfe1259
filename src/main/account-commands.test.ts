/** What an operator may not do to accounts by mistake, and what he is told instead; on a folder that no node serves. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { withFilledStore } from "../../test/support/filled-store.ts";
import { runCli, type CliResult } from "../../test/support/run-cli.ts";
import { adminSocketPath } from "../admin/socket.ts";

test("an INBOX neither leaves its user nor goes by mistake; a restored user is to be added", () =>
  withFilledStore(async (filled) => {
    await filled.close();
    const data = filled.folder;
    const rookery = (...argv: string[]): Promise<CliResult> => runCli([...argv, "--data", data]);
    const added = await rookery("user", "add", "alice", "--password", "secret");
    assert.equal(added.exitCode, 0, added.stderr);

    const renamed = await rookery("mailbox", "rename", "user.alice", "user.zed");
    assert.notEqual(renamed.exitCode, 0);
    assert.match(renamed.stderr, /rookery user rename alice zed/);
    const deleted = await rookery("mailbox", "delete", "user.alice");
    assert.notEqual(deleted.exitCode, 0);
    assert.match(deleted.stderr, /rookery user delete alice/);
    assert.match((await rookery("mailbox", "list")).stdout, /^user\.alice /m);

    const file = join(data, "alice.rookery");
    const saved = await rookery("backup", "--user", "alice", file);
    assert.equal(saved.exitCode, 0, saved.stderr);
    const restored = await rookery("restore", "--user", file, "--as", "alice2");
    assert.match(restored.stdout, /now: rookery user add alice2\n/);
    const forced = await rookery("mailbox", "delete", "user.alice", "--force");
    assert.equal(forced.exitCode, 0, forced.stderr);
    const again = await rookery("restore", "--user", file, "--replace");
    assert.equal(again.exitCode, 0, again.stderr);
    assert.doesNotMatch(again.stdout, /user add/);
  }));

test("user add --file adds everybody who can be added, and names the lines of the others", () =>
  withFilledStore(async (filled) => {
    await filled.close();
    const rookery = (argv: readonly string[], input = ""): Promise<CliResult> =>
      runCli(["user", ...argv, "--data", filled.folder], { input });
    const file = [
      "Name,password,displayName,quota,admin",
      'carol,swordfish,"Smith, Carol",2GiB,yes',
      "dave,,,,",
      "CAROL,again,,,",
      "no good,x,,,",
      "erin,x,,much,",
      "frank,x,,,perhaps",
      "grace,x,,,,,",
      ",x,,,",
      "heidi,secret,,,no",
      "",
    ].join("\r\n");

    const added = await rookery(["add", "--file", "-", "--generate", "--json"], file);
    assert.equal(added.exitCode, 1, added.stderr);
    const answer = JSON.parse(added.stdout) as {
      readonly added: number;
      readonly refused: readonly { readonly line: number; readonly name: string; readonly reason: string }[];
      readonly passwords: readonly { readonly user: string; readonly password: string }[];
    };
    assert.equal(answer.added, 3);
    assert.deepEqual(
      answer.refused.map(({ line, name }) => [line, name]),
      [
        [4, "CAROL"],
        [5, "no good"],
        [6, "erin"],
        [7, "frank"],
        [8, "grace"],
        [9, ""],
      ],
    );
    assert.match(answer.refused[0]?.reason ?? "", /user "carol" exists/);
    assert.deepEqual(
      answer.passwords.map(({ user }) => user),
      ["dave"],
    );
    assert.doesNotMatch(added.stdout + added.stderr, /swordfish/);

    const again = await rookery(["add", "--file", "-"], "name,password\nheidi,x\nivan,\n");
    assert.equal(again.exitCode, 1);
    assert.equal(
      again.stdout,
      'line 2: heidi: user "heidi" exists\nline 3: ivan: there is no password (--generate makes one)\n0 users added, 2 refused.\n',
    );
    const listed = JSON.parse((await rookery(["list", "--json"])).stdout) as readonly object[];
    assert.partialDeepStrictEqual(listed, [
      { user: "carol", displayName: "Smith, Carol", admin: true, quotaBytes: 2 * 1024 ** 3 },
      { user: "dave", admin: false },
      { user: "heidi" },
    ]);
    const mailboxes = await runCli(["mailbox", "list", "--data", filled.folder]);
    for (const user of ["carol", "dave", "heidi"])
      assert.match(mailboxes.stdout, new RegExp(`^user\\.${user} `, "m"));

    for (const argv of [["add"], ["add", "zed", "--file", "-"], ["add", "--file", "-", "--password", "x"]]) {
      assert.equal((await rookery(argv)).exitCode, 64, argv.join(" "));
    }
    const unknown = await rookery(["add", "--file", "-"], "name,pasword\nzed,x\n");
    assert.equal(unknown.exitCode, 64);
    assert.match(unknown.stderr, /"pasword" is no column/);
  }));

test("user add --file --generate tells every password, though the node goes away", async (t) => {
  const data = mkdtempSync(join(tmpdir(), "rookery-users-"));
  t.after(() => rmSync(data, { recursive: true }));
  const passwords = new Map<string, string>();
  // A node that adds everybody and is gone after its first row.
  const server = createServer((socket) => {
    let request = "";
    socket.on("data", (bytes) => {
      request += bytes.toString();
      for (const [, json = ""] of request.matchAll(/^(\{"name".*\})\r?$/gm)) {
        const { name, password } = JSON.parse(json) as { readonly name: string; readonly password: string };
        passwords.set(name, password);
      }
      if (!passwords.has("carol")) return;
      const row = '{"row":{"at":0,"user":"alice"}}\n';
      const head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
      socket.end(`${head}${row.length.toString(16)}\r\n${row}\r\n`);
    });
  });
  await new Promise<void>((listening) => server.listen(adminSocketPath(data), listening));
  t.after(() => server.close());
  for (const more of [[], ["--json"]]) {
    passwords.clear();
    const argv = ["user", "add", "--file", "-", "--generate", "--data", data, ...more];
    const result = await runCli(argv, { input: "name,password\nalice,\nbob,known\ncarol,\n" });
    assert.equal(result.exitCode, 75, result.stderr);
    assert.match(result.stderr, /the node stopped meanwhile/);
    const [alice = "", carol = ""] = [passwords.get("alice"), passwords.get("carol")];
    assert.notEqual(alice, "");
    assert.equal(
      result.stdout,
      more.length > 0
        ? `{"added":1,"refused":[],"passwords":[{"user":"alice","password":"${alice}"}],"unanswered":[{"user":"carol","password":"${carol}"}]}\n`
        : `USER   PASSWORD (shown only now)\nalice  ${alice}\nNo answer came about these; who was added all the same has this password:\ncarol  ${carol}\n`,
    );
  }
});
