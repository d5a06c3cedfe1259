/** Every command against every right: RFC 4314 §4. With exactly the rights of its row it works; without any one of them it does not. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ImapHost } from "../support/imap-host.ts";
import { openInlineStore } from "../support/inline-store.ts";
import type { PipePeer } from "../support/pipe-peer.ts";

const ALL = "lrswipkxtean";
const BOX = '"Other Users/alice/Box"';
const OTHER = '"Other Users/alice/Other"';

interface Row {
  readonly command: string;
  /** On Box. A command that works without l too is seen to do so in the row's own trial. */
  readonly needs: string;
  /** Box is selected first, which needs r itself. */
  readonly selected?: true;
  /** On Other, where it is not the same. */
  readonly needsOnOther?: string;
}

const ROWS: readonly Row[] = [
  { command: `SELECT ${BOX}`, needs: "r" },
  { command: `EXAMINE ${BOX}`, needs: "r" },
  { command: `STATUS ${BOX} (MESSAGES)`, needs: "r" },
  { command: `SUBSCRIBE ${BOX}`, needs: "l" },
  { command: `UNSUBSCRIBE ${BOX}`, needs: "" },
  { command: 'CREATE "Other Users/alice/Box/new"', needs: "k" },
  { command: `DELETE ${BOX}`, needs: "x" },
  { command: `RENAME ${BOX} "Other Users/alice/Other/new"`, needs: "x", needsOnOther: "k" },
  { command: `APPEND ${BOX} {12+}\r\nSubject: x\r\n`, needs: "i" },
  { command: `SETACL ${BOX} carol l`, needs: "a" },
  { command: `DELETEACL ${BOX} carol`, needs: "a" },
  { command: `GETACL ${BOX}`, needs: "a" },
  { command: `LISTRIGHTS ${BOX} carol`, needs: "a" },
  { command: `GETQUOTAROOT ${BOX}`, needs: "r" },
  { command: `GETMETADATA ${BOX} /shared/comment`, needs: "l" },
  { command: `SETMETADATA ${BOX} (/private/comment "x")`, needs: "l" },
  { command: `SETMETADATA ${BOX} (/shared/comment "x")`, needs: "lw" },
  { command: `SETMETADATA ${BOX} (/shared/vendor/cmu/cyrus-imapd/expire "1")`, needs: "la" },
  { command: "FETCH 1 FLAGS", needs: "r", selected: true },
  { command: "SEARCH ALL", needs: "r", selected: true },
  { command: "STORE 1 +FLAGS (\\Seen)", needs: "rs", selected: true },
  { command: "STORE 1 +FLAGS (\\Deleted)", needs: "rt", selected: true },
  { command: "STORE 1 +FLAGS (\\Flagged)", needs: "rw", selected: true },
  { command: "STORE 1 -FLAGS (keyword)", needs: "rw", selected: true },
  { command: 'STORE 1 ANNOTATION (/comment (value.shared "x"))', needs: "rn", selected: true },
  { command: "EXPUNGE", needs: "re", selected: true },
  { command: "UID EXPUNGE 1", needs: "re", selected: true },
  { command: `COPY 1 ${OTHER}`, needs: "r", needsOnOther: "i", selected: true },
  { command: `MOVE 1 ${OTHER}`, needs: "rte", needsOnOther: "i", selected: true },
  { command: `REPLACE 1 ${OTHER} {12+}\r\nSubject: x\r\n`, needs: "rte", needsOnOther: "i", selected: true },
];

class Trials {
  readonly #host: ImapHost;
  #bob: PipePeer | undefined;
  #tag = 0;

  static async start(): Promise<Trials> {
    const trials = new Trials(new ImapHost(await openInlineStore()));
    await trials.#login();
    return trials;
  }

  private constructor(host: ImapHost) {
    this.#host = host;
  }

  async #login(): Promise<void> {
    await this.#host.directive(["user", "bob", "bob"]);
    this.#bob = await this.#host.connect("bob");
  }

  /** The status of the command for bob with these rights, on mailboxes made for this trial. */
  async status(row: Row, onBox: string, onOther: string): Promise<string> {
    const { store } = this.#host;
    for (const [name, rights] of [
      ["user.alice.Box", onBox],
      ["user.alice.Other", onOther],
    ] as const) {
      for (const { id } of store.mailboxes.list(name)) await store.delete(id, { immediate: true });
      const { id } = await store.create(name, { acl: [{ identifier: "alice", rights: "lrswipkxtecdan" }] });
      const body = store.stageBuffer(Buffer.from("Subject: a\r\n\r\nb\r\n"));
      await store.append(id, [{ body, systemFlags: 0, keywords: [] }], { userId: "alice", sessionId: 0 });
      if (rights !== "") await store.setAcl(id, [{ identifier: "bob", rights }]);
    }
    if (row.selected === true) {
      const selected = await this.#run(`SELECT ${BOX}`);
      if (selected !== "OK") return selected;
    }
    const status = await this.#run(row.command);
    // The next trial deletes it, which would end the session.
    if (row.selected === true || (status === "OK" && /^(SELECT|EXAMINE)/.test(row.command))) {
      await this.#run("UNSELECT");
    }
    return status;
  }

  async #run(command: string): Promise<string> {
    assert.ok(this.#bob !== undefined);
    const tag = `t${++this.#tag}`;
    this.#bob.send(Buffer.from(`${tag} ${command}\r\n`));
    for (;;) {
      const line = await this.#bob.line();
      assert.ok(line !== undefined, "the session ended");
      if (line.startsWith(`${tag} `)) return line.split(" ")[1] ?? "";
    }
  }

  async stop(): Promise<void> {
    assert.deepEqual(this.#host.failures, []);
    await this.#host.close();
  }
}

function without(rights: string, right: string): string {
  return rights.replace(right, "");
}

test("each command needs its rights of RFC 4314 §4 and no others", { timeout: 60_000 }, async (context) => {
  const trials = await Trials.start();
  for (const row of ROWS) {
    const { command, needs, needsOnOther = "" } = row;
    await context.test(command.replaceAll("\r\n", " "), async () => {
      // METADATA asks for any one of r, s, w, i, p beside l.
      const any = command.includes("METADATA") ? "p" : "";
      assert.equal(await trials.status(row, needs + any, needsOnOther), "OK", "with exactly its rights");
      for (const right of needs)
        assert.equal(await trials.status(row, without(ALL, right), ALL), "NO", `without ${right}`);
      for (const right of needsOnOther)
        assert.equal(
          await trials.status(row, ALL, without(ALL, right)),
          "NO",
          `without ${right} on the other`,
        );
      for (const right of without(ALL, needs))
        if (!needs.includes(right))
          assert.equal(await trials.status(row, without(ALL, right), ALL), "OK", `${right} is not needed`);
    });
  }
  await trials.stop();
});

test("MYRIGHTS needs any of l, r, i, k, x, a; the others do not tell that a mailbox exists", async () => {
  const trials = await Trials.start();
  const row: Row = { command: `MYRIGHTS ${BOX}`, needs: "" };
  for (const right of ALL)
    assert.equal(await trials.status(row, right, ""), "lrikxa".includes(right) ? "OK" : "NO", right);
  await trials.stop();
});
