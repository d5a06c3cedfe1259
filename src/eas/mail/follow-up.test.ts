import assert from "node:assert/strict";
import { test } from "node:test";
import { deliver } from "../../../test/support/eas-mailbox.ts";
import { writeTree } from "../../../test/support/eas-mail.ts";
import { Phone } from "../../../test/support/eas-phone.ts";
import { EasTrial } from "../../../test/support/eas-trial.ts";
import { tagOf } from "../../wire/wbxml/code-pages.ts";
import { syncedCollection, writeSync } from "../client-commands.ts";
import type { Element } from "../element.ts";

const DUE = "2026-01-05T10:00:00.000Z";
const DATES = ["StartDate", "DueDate", "UtcStartDate", "UtcDueDate"] as const;

test("follow-up: dates that one phone sets reach the other as a change, and do not come back to the first", async () => {
  const trial = await EasTrial.open();
  try {
    const gateway = trial.gateway();
    const [first, second] = [new Phone(gateway, 161, "PHONE1"), new Phone(gateway, 141, "PHONE2")];
    const [uid] = await deliver(trial, 1);
    for (const phone of [first, second]) {
      await phone.folderSync();
      await phone.syncAll(phone.idOf("Inbox"));
    }
    const inbox = first.idOf("Inbox");
    /** Undefined = nothing new. */
    const sync = async (
      phone: Phone,
      change?: Parameters<typeof writeTree>[1],
    ): Promise<Element | undefined> => {
      const collection = phone.collection(inbox);
      const root = await phone.call("Sync", (writer) =>
        writeSync(
          writer,
          [
            {
              syncKey: collection.key,
              collectionId: inbox,
              ...(change === undefined ? {} : { commands: () => writeTree(writer, change) }),
            },
          ],
          {},
        ),
      );
      const answer = root && syncedCollection(root, inbox);
      if (answer !== undefined) {
        assert.equal(answer.status, 1);
        collection.key = answer.syncKey;
      }
      return root;
    };
    await sync(first, [
      "AirSync:Change",
      ["AirSync:ServerId", `${inbox}:${uid}`],
      [
        "AirSync:ApplicationData",
        ["Email:Flag", ["Email:Status", 2], ...DATES.map((name) => [`Tasks:${name}`, DUE] as const)],
      ],
    ]);
    const told = find(await sync(second), "Email:Flag");
    assert.deepEqual(
      DATES.map((name) => told?.textOf(tagOf(`Tasks:${name}`))),
      DATES.map(() => DUE),
    );
    assert.equal(find(await sync(first), "Email:Flag"), undefined);
  } finally {
    await trial.close();
  }
});

function find(element: Element | undefined, name: string): Element | undefined {
  if (element === undefined || element.tag === tagOf(name)) return element;
  for (const child of element.children) {
    const found = find(child, name);
    if (found !== undefined) return found;
  }
  return undefined;
}
