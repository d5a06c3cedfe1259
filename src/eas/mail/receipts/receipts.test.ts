import assert from "node:assert/strict";
import { test } from "node:test";
import { itemContext, MemoryMail, sendingAccount, wbxml } from "../../../../test/support/eas-mail.ts";
import { MemoryStates } from "../../../../test/support/memory-states.ts";
import { systemClock } from "../../../base/io/clock.ts";
import { systemRandom } from "../../../base/io/random.ts";
import type { Log } from "../../../base/log.ts";
import type { OutgoingMessage } from "../../account/port.ts";
import { parseElement } from "../../element.ts";
import type { ItemContext } from "../../item-class.ts";
import { EmailClass } from "../email-class.ts";
import { ReceiptSender } from "./receipt-sender.ts";
import type { ReceiptSettings } from "./options.ts";

const SETTINGS: ReceiptSettings = {
  delivery: true,
  read: true,
  deliveryText: "at {{host}} for {{#recipients}}{{address}} {{/recipients}}",
  readText: "read by {{address}} <b>",
};
const HEAD =
  "From: Bob <bob@example.net>\r\nTo: alice@example.org\r\nCc: c@example.org\r\nSubject: please tell\r\nMessage-ID: <1@x>\r\n";
const WANTS_READ = `${HEAD}Disposition-Notification-To: bob@example.net\r\n`;
const NOW_MS = 1_700_000_100_000;

/** Runs until what was begun in the background is over. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
}

interface Fixture {
  readonly folder: MemoryMail;
  readonly sent: readonly OutgoingMessage[];
  readonly email: EmailClass;
  readonly context: ItemContext;
  readonly read: (uid: number) => Promise<void>;
}

function fixture(settings: ReceiptSettings = SETTINGS): Fixture {
  const folder = new MemoryMail();
  const { account, sent } = sendingAccount([folder]);
  const quiet = (): void => {};
  const log: Log = {
    trace: quiet,
    debug: quiet,
    info: quiet,
    warn: quiet,
    error: quiet,
    enabled: () => false,
  };
  const clock = { ...systemClock, nowMs: () => NOW_MS };
  const states = new MemoryStates();
  const receipts = new ReceiptSender({
    settings,
    states,
    hostName: "mail.test",
    clock,
    random: systemRandom,
    log,
  });
  const email = new EmailClass({ clock, random: systemRandom, receipts });
  const context = itemContext(141, undefined, account);
  const read = async (uid: number): Promise<void> => {
    const data = parseElement(wbxml(["AirSync:ApplicationData", ["Email:Read", 1]]));
    assert.equal((await email.change(folder.collection, uid, data, context)).status, 1);
    await settled();
  };
  return { folder, sent, email, context, read };
}

test("receipts: a sender who asks for it learns that his mail was read, once (S2.57, S2.58)", async () => {
  const { folder, sent, read } = fixture();
  const uid = folder.put(`${WANTS_READ}\r\nhello`);
  await read(uid);
  assert.equal(sent.length, 1);
  const text = sent[0]!.bytes.toString();
  assert.match(text, /^From: "Alice Example" <alice@example\.org>\r\nTo: <bob@example\.net>\r\n/);
  assert.match(text, /report-type=disposition-notification/);
  assert.match(text, /read by alice@example\.org <b>/);
  assert.match(
    text,
    /Original-Message-ID: <1@x>\r\nDisposition: manual-action\/MDN-sent-automatically; displayed/,
  );
  assert.deepEqual(folder.get(uid).keywords, ["$MDNSent"]);
  folder.get(uid).systemFlags = 0;
  await read(uid);
  assert.equal(sent.length, 1);
});

test("receipts: none for others than the author, lists, automatic mail, or when switched off", async () => {
  const { folder, sent, read } = fixture();
  for (const more of [
    "Disposition-Notification-To: spy@elsewhere.test\r\n",
    "Disposition-Notification-To: bob@example.net\r\nList-Id: <l.example.net>\r\n",
    "Disposition-Notification-To: bob@example.net\r\nAuto-Submitted: auto-replied\r\n",
    "",
  ]) {
    await read(folder.put(`${HEAD}${more}\r\nhello`));
  }
  const off = fixture({ ...SETTINGS, read: false });
  await off.read(off.folder.put(`${WANTS_READ}\r\nhello`));
  assert.deepEqual([sent.length, off.sent.length], [0, 0]);
});

test("receipts: a sender who asks for it learns that his mail arrived, once (S2.56, S2.58)", async () => {
  const { folder, sent, email, context } = fixture();
  const uids = [
    folder.put(`${HEAD}Return-Receipt-To: bob@example.net\r\n\r\nhello`),
    folder.put("Subject: a\r\n\r\n"),
  ];
  for (let round = 0; round < 2; round++) {
    for await (const item of folder.items(uids)) {
      if (item.failure === undefined) await email.prepare(item, context);
    }
    await settled();
  }
  assert.equal(sent.length, 1);
  const text = sent[0]!.bytes.toString();
  assert.match(text, /at mail\.test for alice@example\.org c@example\.org/);
  assert.match(text, /Action: delivered/);
});
