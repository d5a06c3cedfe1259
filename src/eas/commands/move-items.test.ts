import assert from "node:assert/strict";
import { test } from "node:test";
import { answerRoot, easRequest, MemoryMail, sendingAccount, wbxml } from "../../../test/support/eas-mail.ts";
import { MemoryStates } from "../../../test/support/memory-states.ts";
import { toUid, type Uid } from "../../base/numbers.ts";
import { tagOf } from "../../wire/wbxml/code-pages.ts";
import { AccountError, PartlyMovedError } from "../account/port.ts";
import type { StateChange } from "../state/port.ts";
import { moveItems } from "./move-items.ts";

/** Its connection breaks after the first message. */
class BreakingMail extends MemoryMail {
  breaks = true;

  override move(uids: readonly Uid[]): Promise<ReadonlyMap<Uid, Uid>> {
    const there = uids.filter((uid) => this.mails.has(uid));
    const moved = this.breaks ? there.slice(0, 1) : there;
    for (const uid of moved) this.mails.delete(uid);
    const targets = new Map(moved.map((uid) => [uid, toUid(uid + 100)]));
    return this.breaks
      ? Promise.reject(new PartlyMovedError(targets, new AccountError("unavailable", "gone")))
      : Promise.resolve(targets);
  }
}

async function move(
  folder: MemoryMail,
  states: MemoryStates,
  count: number,
): Promise<readonly (readonly [string | undefined, string | undefined])[]> {
  const body = wbxml([
    "Move:MoveItems",
    ...Array.from(
      { length: count },
      (_, at) =>
        [
          "Move:Move",
          ["Move:SrcMsgId", `5:${at + 1}`],
          ["Move:SrcFldId", "5"],
          ["Move:DstFldId", "6"],
        ] as const,
    ),
  ]);
  const { account } = sendingAccount([folder]);
  const folders = { 5: folder.key, 6: "target" };
  const request = await easRequest({ command: "MoveItems", body, account, folders, states });
  return answerRoot(await moveItems().run(request))
    .all(tagOf("Move:Response"))
    .map((one) => [one.textOf(tagOf("Move:Status")), one.textOf(tagOf("Move:DstMsgId"))] as const);
}

test("MoveItems: what was moved before the connection broke is told, the rest may be tried again", async () => {
  const folder = new BreakingMail();
  for (let count = 0; count < 3; count++) folder.put("Subject: x\r\n\r\n");
  const states = new MemoryStates();
  assert.deepEqual(await move(folder, states, 3), [
    ["3", "6:101"],
    ["5", undefined],
    ["5", undefined],
  ]);
  folder.breaks = false;
  assert.deepEqual(await move(folder, states, 3), [
    ["3", "6:101"],
    ["3", "6:102"],
    ["3", "6:103"],
  ]);
});

test("MoveItems: what another gateway remembers meanwhile is kept", async () => {
  const folder = new BreakingMail();
  folder.breaks = false;
  for (let count = 0; count < 2; count++) folder.put("Subject: x\r\n\r\n");
  const states = new MemoryStates();
  let others: StateChange | undefined;
  const put = states.put.bind(states);
  states.put = async (changes) => {
    const [change] = changes;
    if (change?.key !== "moves" || others !== undefined) return put(changes);
    others = { ...change, value: Buffer.from(JSON.stringify([["5:9\u00006", "6:99"]])) };
    await put([others]);
    return put(changes);
  };
  await move(folder, states, 2);
  const stored = await states.get(others!);
  assert.deepEqual(JSON.parse(stored?.value.toString() ?? ""), [
    ["5:9\u00006", "6:99"],
    ["5:1\u00006", "6:101"],
    ["5:2\u00006", "6:102"],
  ]);
});
