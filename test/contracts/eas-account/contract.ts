/** What every `Account` promises about folders and mail. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { systemClock } from "../../../src/base/io/clock.ts";
import { systemRandom } from "../../../src/base/io/random.ts";
import { toUid, type Uid } from "../../../src/base/numbers.ts";
import type { ItemMarks } from "../../../src/eas/account/item-marks.ts";
import {
  type Account,
  AccountError,
  type AccountErrorCode,
  type Folder,
  type ItemState,
  type MailCollection,
} from "../../../src/eas/account/port.ts";
import { itemOperations } from "../../../src/eas/commands/item-operations.ts";
import type { CommandServices } from "../../../src/eas/commands/services.ts";
import { conversationId, conversationKey } from "../../../src/eas/mail/conversation.ts";
import { EmailClass } from "../../../src/eas/mail/email-class.ts";
import { summarize } from "../../../src/mime/summarize.ts";
import { SystemFlag } from "../../../src/store/model.ts";
import { tagOf } from "../../../src/wire/wbxml/code-pages.ts";
import { answerRoot, easRequest, wbxml } from "../../support/eas-mail.ts";

const email = new EmailClass({ clock: systemClock, random: systemRandom });
after(() => email.close());

export interface AccountPlace {
  /** Another door to the same account, as another request of its user has it; INBOX is empty at first. */
  open(): Promise<Account>;
  close(): Promise<void>;
}

/** 2026-01-01 12:00 UTC. */
const NOON = 1_767_268_800;
const DAY = 86_400;
const NOTHING = { systemFlags: 0, keywords: [] };

const refusal = (code: AccountErrorCode) => (error: unknown) =>
  error instanceof AccountError && error.code === code;

const mail = (subject: string): Buffer =>
  Buffer.from(`From: b@example.test\r\nSubject: ${subject}\r\n\r\nHello ${subject}\r\n`);

export function accountContract(makePlace: () => Promise<AccountPlace>): void {
  const contract = (name: string, work: (account: Account, other: Account) => Promise<void>): void => {
    test(name, async () => {
      const place = await makePlace();
      const [account, other] = [await place.open(), await place.open()];
      try {
        await work(account, other);
      } finally {
        account.release();
        other.release();
        await place.close();
      }
    });
  };
  const folderOf = async (account: Account, use: Folder["use"]): Promise<Folder> => {
    const found = (await account.folders()).find((folder) => folder.use === use);
    assert.ok(found !== undefined, `there is no folder for ${use}`);
    return found;
  };
  const withInbox = async (
    account: Account,
    work: (inbox: MailCollection) => Promise<void>,
  ): Promise<void> => {
    const inbox = await account.openMail((await folderOf(account, "inbox")).key);
    try {
      await work(inbox);
    } finally {
      inbox.release();
    }
  };
  const put = async (account: Account, count: number, daysAgo = 0): Promise<Uid[]> => {
    const uids: Uid[] = [];
    await withInbox(account, async (inbox) => {
      for (let at = 0; at < count; at++) {
        const internalDate = NOON - daysAgo * DAY;
        uids.push((await inbox.append(mail(`mail ${at}`), { ...NOTHING, internalDate })).uid);
      }
    });
    return uids;
  };

  contract(
    "marks: kept with the message, told to others as a change, taken along, and taken away",
    async (account, other) => {
      const [uid = toUid(1), plain = toUid(2)] = await put(account, 2);
      const marks: ItemMarks = {
        followUp: {
          status: "active",
          fields: { Subject: "gr\u00fc\u00dfe", DueDate: "2026-01-05T10:00:00.000Z" },
        },
        lastVerb: { verb: 2, atMs: Date.UTC(2026, 0, 5) },
      };
      const change = { add: { systemFlags: SystemFlag.flagged, keywords: [] }, remove: NOTHING };
      let before = 0;
      await withInbox(other, async (inbox) => {
        before = inbox.highestModseq;
        assert.equal((await inbox.states([uid]))[0]?.marks, undefined);
      });
      let own: number | undefined;
      await withInbox(account, async (inbox) => {
        await inbox.states([uid]);
        own = (await inbox.storeFlags([uid], { ...change, marks })).get(uid);
      });
      const seenBy = async (who: Account): Promise<ItemState | undefined> => {
        let found: ItemState | undefined;
        await withInbox(who, async (inbox) => {
          const changed = await inbox.changedAfter({ modseq: before, uid: toUid(0xffff_fffe) }, 10);
          assert.deepEqual(
            changed.map((state) => state.uid),
            [uid],
          );
          [found] = changed;
          before = inbox.highestModseq;
          const [state, unmarked] = await inbox.states([uid, plain]);
          assert.deepEqual(state?.marks, found?.marks);
          assert.equal(unmarked?.marks, undefined);
          for await (const item of inbox.items([uid])) {
            assert.deepEqual(item.failure === undefined ? item.marks : item.failure, found?.marks);
          }
        });
        return found;
      };
      const first = await seenBy(other);
      assert.deepEqual(first?.marks, marks);
      assert.equal(first?.modseq, own, "the device's own change has the modseq that others see");
      // Other marks without a change of flags are news as well.
      const later: ItemMarks = { followUp: { status: "active", fields: { FlagType: "Reply" } } };
      await withInbox(account, async (inbox) => {
        await inbox.storeFlags([uid], { add: NOTHING, remove: NOTHING, marks: later });
      });
      assert.deepEqual((await seenBy(other))?.marks, later);

      const made = await account.createFolder(undefined, "Elsewhere");
      await withInbox(account, async (inbox) => {
        const moved = (await inbox.move([uid], made.key)).get(uid);
        assert.ok(moved !== undefined);
        const target = await other.openMail(made.key);
        try {
          assert.deepEqual((await target.states([moved]))[0]?.marks, later);
          await target.storeFlags([moved], { add: NOTHING, remove: NOTHING, marks: {} });
          const { followUp, lastVerb } = (await target.states([moved]))[0]?.marks ?? {};
          assert.deepEqual([followUp, lastVerb], [undefined, undefined]);
        } finally {
          target.release();
        }
      });
    },
  );

  contract("folders: made, renamed with their key, moved, deleted", async (account) => {
    const made = await account.createFolder(undefined, "Grüße & mehr");
    const child = await account.createFolder(made.key, "Below");
    assert.equal(child.parentKey, made.key);
    await account.renameFolder(made.key, undefined, "Other");
    const folders = await account.folders();
    const find = (key: string): Folder | undefined => folders.find((folder) => folder.key === key);
    assert.equal(find(made.key)?.name, "Other");
    assert.equal(find(child.key)?.parentKey, made.key);
    const order = folders.map(({ key }) => key);
    assert.ok(order.indexOf(made.key) < order.indexOf(child.key), "parents come before children");
    await account.deleteFolder(made.key);
    const left = (await account.folders()).map(({ key }) => key);
    assert.ok(!left.includes(made.key) && !left.includes(child.key));
  });

  contract("folders: refusals", async (account) => {
    const inbox = await folderOf(account, "inbox");
    await account.createFolder(undefined, "There");
    await assert.rejects(account.createFolder(undefined, "There"), refusal("folder_exists"));
    await assert.rejects(account.createFolder("nowhere", "X"), refusal("parent_missing"));
    await assert.rejects(account.deleteFolder(inbox.key), refusal("special_folder"));
    await assert.rejects(account.renameFolder(inbox.key, undefined, "X"), refusal("special_folder"));
    await assert.rejects(account.deleteFolder("nowhere"), refusal("folder_missing"));
    await assert.rejects(
      account.openMail("nowhere").then((collection) => collection.uids(0)),
      refusal("folder_missing"),
    );
  });

  contract("mail: states and items in the order asked for, without those that are gone", async (account) => {
    const uids = await put(account, 3);
    await withInbox(account, async (inbox) => {
      const asked = [uids[2]!, toUid(4_000_000), uids[0]!];
      const states = await inbox.states(asked);
      assert.deepEqual(
        states.map(({ uid }) => uid),
        [uids[2], uids[0]],
      );
      assert.equal(states[0]?.internalDate, NOON);
      assert.equal(states[0].sizeBytes, mail("mail 2").length);
      const shown: string[] = [];
      for await (const item of inbox.items(asked)) {
        assert.ok(item.failure === undefined);
        assert.deepEqual(
          await item.read(0, item.sizeBytes + 9),
          mail(item.uid === uids[2] ? "mail 2" : "mail 0"),
        );
        assert.equal((await item.read(6, 20)).toString(), "b@example.test");
        shown.push(item.summary.baseSubject);
      }
      assert.deepEqual(shown, ["MAIL 2", "MAIL 0"]);
      assert.deepEqual([...(await inbox.uids(0))], uids);
      assert.equal(inbox.uidNext, uids[2]! + 1);
    });
  });

  contract("mail: by date, and without what is marked as deleted", async (account) => {
    const [old] = await put(account, 1, 10);
    const [recent, deleted] = await put(account, 2);
    await withInbox(account, async (inbox) => {
      const since = Math.floor(NOON / DAY) * DAY - DAY;
      assert.deepEqual([...(await inbox.uids(since))], [recent, deleted]);
      const add = { systemFlags: SystemFlag.deleted, keywords: [] };
      await inbox.storeFlags([deleted!], { add, remove: NOTHING });
      assert.deepEqual([...(await inbox.uids(since))], [recent]);
      assert.deepEqual([...(await inbox.uids(0))], [old, recent]);
    });
  });

  contract("mail: changes in order of modseq and UID, and what vanished", async (account, other) => {
    const uids = await put(account, 4);
    await withInbox(account, async (inbox) => {
      const before = inbox.highestModseq;
      if (before === 0) return;
      const add = { systemFlags: SystemFlag.flagged, keywords: ["Work"] };
      await withInbox(other, async (theirs) => {
        await theirs.storeFlags([uids[3]!], { add, remove: NOTHING });
        await theirs.storeFlags([uids[1]!], { add, remove: NOTHING });
        await theirs.expunge([uids[0]!]);
      });
    });
    await withInbox(account, async (inbox) => {
      if (inbox.highestModseq === 0) return;
      const all = await inbox.changedAfter({ modseq: 0, uid: toUid(1) }, 100);
      assert.deepEqual(
        all.map(({ uid }) => uid),
        [uids[2], uids[3], uids[1]],
      );
      assert.deepEqual(all[2]?.keywords, ["Work"]);
      const [first] = await inbox.changedAfter({ modseq: 0, uid: toUid(1) }, 1);
      const rest = await inbox.changedAfter({ modseq: first!.modseq, uid: first!.uid }, 100);
      assert.deepEqual(rest, all.slice(1));
      const vanished = await inbox.vanishedSince(all[0]!.modseq);
      if (vanished !== "unknown") assert.deepEqual([...vanished], [uids[0]]);
    });
  });

  contract(
    "mail: the modseq of an own change, and 0 when somebody came in between",
    async (account, other) => {
      const [uid] = await put(account, 1);
      const seen = { add: { systemFlags: SystemFlag.seen, keywords: [] }, remove: NOTHING };
      const flagged = { add: { systemFlags: SystemFlag.flagged, keywords: [] }, remove: NOTHING };
      await withInbox(account, async (inbox) => {
        const [before] = await inbox.states([uid!]);
        const own = (await inbox.storeFlags([uid!], seen)).get(uid!);
        const [after] = await inbox.states([uid!]);
        assert.equal(after?.systemFlags, before!.systemFlags | SystemFlag.seen);
        if (inbox.highestModseq !== 0) assert.equal(own, after.modseq);
        assert.equal((await inbox.storeFlags([toUid(4_000_000)], seen)).size, 0);
      });
      await withInbox(account, async (inbox) => {
        await inbox.states([uid!]);
        await withInbox(other, async (theirs) => void (await theirs.storeFlags([uid!], flagged)));
        const modseq = (await inbox.storeFlags([uid!], { add: NOTHING, remove: seen.add })).get(uid!);
        if (inbox.highestModseq !== 0) assert.equal(modseq, 0);
        const [state] = await inbox.states([uid!]);
        assert.equal(state?.systemFlags, SystemFlag.flagged);
      });
    },
  );

  contract("mail: moved, expunged, emptied", async (account) => {
    const uids = await put(account, 4);
    const trash = await folderOf(account, "trash");
    await withInbox(account, async (inbox) => {
      const moved = await inbox.move([uids[0]!, uids[1]!, toUid(4_000_000)], trash.key);
      assert.deepEqual([...moved.keys()], [uids[0], uids[1]]);
      await assert.rejects(inbox.move([uids[2]!], "nowhere"), refusal("folder_missing"));
      await inbox.expunge([uids[2]!]);
      assert.deepEqual([...(await inbox.uids(0))], [uids[3]]);
    });
    const collection = await account.openMail(trash.key);
    assert.equal((await collection.uids(0)).length, 2);
    collection.release();
    await account.emptyFolder(trash.key, { withChildren: false });
    const emptied = await account.openMail(trash.key);
    assert.equal((await emptied.uids(0)).length, 0);
    emptied.release();
  });

  contract("conversations: found by the id that their messages have, in every folder", async (account) => {
    const kept = await account.createFolder(undefined, "Kept");
    const started = "Message-ID: <start@example.test>\r\nSubject: plan\r\n\r\nHello\r\n";
    const texts = [
      started,
      "Message-ID: <2@example.test>\r\nReferences: <start@example.test>\r\n <1@example.test>\r\nSubject: Re: plan\r\n\r\nYes\r\n",
      "Message-ID: <3@example.test>\r\nIn-Reply-To: <start@example.test>\r\nSubject: Re: plan\r\n\r\nNo\r\n",
      "Message-ID: <restart@example.test>\r\nSubject: plan\r\n\r\nSomething else\r\n",
      "Message-ID: <4@example.test>\r\nReferences: <restart@example.test>\r\nSubject: Re: plan\r\n\r\nElse\r\n",
      "Subject: nothing in the header\r\n\r\nOdd\r\n",
    ];
    const uids: Uid[] = [];
    await withInbox(account, async (inbox) => {
      for (const [at, text] of texts.entries()) {
        const state = { ...NOTHING, internalDate: NOON + at };
        uids.push((await inbox.append(Buffer.from(text), state)).uid);
      }
      await inbox.move([uids[1]!], kept.key);
    });
    const query = { folderKey: undefined, withChildren: true, freeText: "", offset: 0, limit: 10 };
    const find = async (id: Buffer): Promise<string[]> => {
      const { hits, total } = await account.searchMail({ ...query, conversation: conversationKey(id) ?? "" });
      assert.equal(total, hits.length);
      return hits.map(({ folderKey, uid }) => (folderKey === kept.key ? "kept" : String(uids.indexOf(uid))));
    };
    // Nobody has looked at them yet: what a gateway finds that has just started.
    const cold = conversationId("", summarize(Buffer.from(started)));
    assert.deepEqual((await find(cold)).toSorted(), ["0", "2", "kept"]);
    const ids: Buffer[] = [];
    await withInbox(account, async (inbox) => {
      for await (const item of inbox.items([uids[0]!, uids[2]!, uids[4]!, uids[5]!])) {
        assert.ok(item.failure === undefined);
        ids.push(conversationId(item.threadId, item.summary));
      }
    });
    assert.deepEqual(ids[0], ids[1]);
    assert.deepEqual((await find(ids[0]!)).toSorted(), ["0", "2", "kept"]);
    assert.deepEqual(await find(ids[2]!), ["4", "3"]);
    assert.deepEqual(await find(ids[3]!), ["5"]);
    assert.deepEqual(await find(Buffer.alloc(16, 0xee)), []);

    const inbox = await folderOf(account, "inbox");
    const command = itemOperations({ classes: [email] } as unknown as CommandServices);
    const move = async (id: Buffer, target: string): Promise<string | undefined> => {
      const body = wbxml([
        "ItemOperations:ItemOperations",
        ["ItemOperations:Move", ["ItemOperations:ConversationId", id], ["ItemOperations:DstFldId", target]],
      ]);
      const folders = { 5: inbox.key, 7: kept.key };
      const request = await easRequest({ command: "ItemOperations", body, account, folders });
      const root = answerRoot(await command.run(request));
      const moved = root.child(tagOf("ItemOperations:Response"))?.child(tagOf("ItemOperations:Move"));
      assert.deepEqual(moved?.child(tagOf("ItemOperations:ConversationId"))?.content, id);
      return moved.textOf(tagOf("ItemOperations:Status"));
    };
    assert.equal(await move(ids[0]!, "7"), "1");
    assert.deepEqual(await find(ids[0]!), ["kept", "kept", "kept"]);
    assert.deepEqual(await find(ids[2]!), ["4", "3"]);
    // Again, after an answer that was lost.
    assert.equal(await move(ids[0]!, "7"), "1");
    assert.equal(await move(ids[0]!, "8"), "6");
    assert.equal(await move(Buffer.alloc(16, 0xee), "7"), "6");
  });

  contract(
    "watch: tells of mail in a folder and of the folder tree, until it is stopped",
    async (account, other) => {
      const inbox = await folderOf(account, "inbox");
      const hints: (string | undefined)[] = [];
      let heard = (): void => {};
      const stop = await account.watch([inbox.key], (key) => {
        hints.push(key);
        heard();
      });
      const until = async (key: string | undefined): Promise<void> => {
        while (!hints.includes(key)) await new Promise<void>((resolve) => (heard = resolve));
      };
      await put(other, 1);
      await until(inbox.key);
      await other.createFolder(undefined, "New");
      await until(undefined);
      stop();
    },
  );
}
