import assert from "node:assert/strict";
import { test } from "node:test";
import { compareUser, openSyncPair } from "../../../test/support/sync-pair.ts";
import { toUid } from "../../base/numbers.ts";
import { SystemFlag } from "../../store/model.ts";
import { updateUser } from "./update-user.ts";

const ALICE = { userId: "alice", sessionId: 0 };
const COUNT = 9000;

test(
  "a large mailbox goes in parts; a broken-off copy goes on where it was",
  { timeout: 120_000 },
  async (t) => {
    const pair = await openSyncPair(t);
    const { here, there, connect, sync, steps } = pair;
    const { id } = await here.create("user.alice", {});
    for (let at = 0; at < COUNT; at += 1000) {
      const messages = Array.from({ length: 1000 }, (_, index) => ({
        body: here.stageBuffer(Buffer.from(`Subject: ${at + index}\r\n\r\nx\r\n`)),
        systemFlags: 0,
        keywords: [],
      }));
      await here.append(id, messages, ALICE);
      for (const { body } of messages) body.release();
    }
    await here.expunge(id, [toUid(1), toUid(5000)], { onlyDeleted: false }, ALICE);
    await here.storeFlags(
      id,
      [toUid(2)],
      { mode: "add", systemFlags: SystemFlag.seen, keywords: ["k"] },
      ALICE,
    );

    const run = await connect();
    const broken = {
      ...run,
      step(text: string) {
        run.step(text);
        // The second upload is that of the last part.
        if (steps.filter((step) => step.startsWith("UPLOAD")).length === 2) run.replica.link.destroy();
      },
    };
    await assert.rejects(() => updateUser(broken, "alice"), /closed/);
    const first = there.mailboxes.get("user.alice");
    assert.ok(first.exists > 8000 && first.exists < COUNT, String(first.exists));
    await sync("alice");
    const uploads = steps.filter((step) => step.startsWith("UPLOAD"));
    assert.deepEqual(uploads, [`UPLOAD [${COUNT - 2 - first.exists} msgs]`]);
    await compareUser(here, there, "alice");
  },
);
