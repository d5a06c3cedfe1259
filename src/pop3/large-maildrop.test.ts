// 100,000 messages: listed whole, in pieces that let other sessions in between; the last one is read and removed.
import assert from "node:assert/strict";
import { test } from "node:test";
import { openInlineStore } from "../../test/support/inline-store.ts";
import { Pop3Host } from "../../test/support/pop3-host.ts";
import { toUid } from "../base/numbers.ts";

const COUNT = 100_000;
const BY = { userId: "", sessionId: 0 };

test("a maildrop of 100,000 messages", { timeout: 60_000 }, async (t) => {
  const host = new Pop3Host(await openInlineStore());
  t.after(() => host.close());
  await host.directive(["mail", "1"]);
  const { id } = host.store.mailboxes.get("user.alice");
  // Twice as many with each copy, of one body.
  for (let count = 1; count < COUNT;) {
    const uids = Array.from({ length: Math.min(count, COUNT - count) }, (_, index) => toUid(index + 1));
    await host.store.copy(id, uids, id, { move: false }, BY);
    count += uids.length;
  }

  const peer = host.open();
  const other = host.open();
  await Promise.all([peer.line(), other.line()]);
  const ask = async (command: string): Promise<string | undefined> => {
    peer.send(Buffer.from(`${command}\r\n`));
    return peer.line();
  };
  /** How many lines there are before the dot, and the last of them. */
  const rest = async (): Promise<{ count: number; last: string }> => {
    let last = "";
    for (let count = 0; ; count += 1) {
      const line = await peer.line();
      if (line === "." || line === undefined) return { count, last };
      last = line;
    }
  };
  await ask("USER alice");
  const size = Buffer.byteLength("Subject: Message 1\r\n\r\n.dots\r\n..\r\nx\r\n");
  assert.equal(await ask("PASS secret"), `+OK Maildrop has ${COUNT} messages (${COUNT * size} octets)`);
  assert.equal(await ask("STAT"), `+OK ${COUNT} ${COUNT * size}`);

  peer.send(Buffer.from("LIST\r\n"));
  other.send(Buffer.from("NOOP\r\nUSER bob\r\n"));
  const order: string[] = [];
  const [listed] = await Promise.all([
    peer
      .line()
      .then(rest)
      .finally(() => order.push("list")),
    other.line().finally(() => order.push("other")),
  ]);
  assert.deepEqual(listed, { count: COUNT, last: `${COUNT} ${size}` });
  assert.deepEqual(order, ["other", "list"]);

  await ask("UIDL");
  const { uidValidity } = host.store.mailboxes.get("user.alice");
  assert.deepEqual(await rest(), { count: COUNT, last: `${COUNT} ${uidValidity}.${COUNT}` });
  assert.match((await ask(`RETR ${COUNT}`)) ?? "", /^\+OK/);
  assert.deepEqual(await rest(), { count: 5, last: "x" });
  assert.match((await ask(`DELE ${COUNT}`)) ?? "", /^\+OK/);
  assert.match((await ask("QUIT")) ?? "", /^\+OK/);
  assert.equal(host.store.mailboxes.get("user.alice").exists, COUNT - 1);
  assert.deepEqual(host.failures, []);
});
