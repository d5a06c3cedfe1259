/**
 * Sends the receipts that senders ask for, where the operator wants it (S2.56, S2.57). Each message gets one of a kind, and
 * nobody gets one who did not write it himself: no lists, no automatic mail, no request that names somebody else
 * (RFC 8098 §2.1). A receipt that cannot be sent is a line in the log.
 */
import type { Clock } from "../../../base/io/clock.ts";
import type { Random } from "../../../base/io/random.ts";
import type { Log } from "../../../base/log.ts";
import { toUid } from "../../../base/numbers.ts";
import { SystemFlag } from "../../../store/model.ts";
import type { Account, MailCollection, MailItem } from "../../account/port.ts";
import type { DeviceStates } from "../../state/port.ts";
import { type MailHeader, readMailHeader } from "../mail-header.ts";
import { MessageSource } from "../message-source.ts";
import type { ReceiptSettings } from "./options.ts";
import { printReceipt } from "./print-receipt.ts";

/** As mail programs mark what was answered by a receipt (RFC 3503). */
const SENT_KEYWORD = "$MDNSent";
/** Mail that a new device gets for the first time did not arrive just now. */
const MAX_AGE_MS = 24 * 3_600_000;
const REMEMBERED_SECONDS = 7 * 86_400;
/** Receipts under way; above it further ones are left out. */
const MAX_RUNNING = 100;

export interface ReceiptPorts {
  readonly settings: ReceiptSettings;
  readonly states: Pick<DeviceStates, "remember">;
  readonly hostName: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

export class ReceiptSender {
  readonly #ports: ReceiptPorts;
  #running = 0;

  constructor(ports: ReceiptPorts) {
    this.#ports = ports;
  }

  /** A device marked it as read. Returns at once. */
  wasRead({ key }: MailCollection, uid: number, account: Account): void {
    if (!this.#ports.settings.read) return;
    this.#run(account, async () => {
      // The request that opened it will be over by then.
      const collection = await account.openMail(key);
      try {
        await this.#tellReader(collection, uid, account);
      } finally {
        collection.release();
      }
    });
  }

  async #tellReader(collection: MailCollection, uid: number, account: Account): Promise<void> {
    for await (const item of collection.items([toUid(uid)])) {
      if (item.failure !== undefined || item.keywords.includes(SENT_KEYWORD)) return;
      const source = new MessageSource(item);
      const header = readMailHeader(await source.read(0, source.root.bodyStart));
      const to = header.readReceiptTo;
      if (!mayTell(to, header, account)) return;
      // Marked first: one receipt too few is better than two.
      await collection.storeFlags([item.uid], {
        add: { systemFlags: 0, keywords: [SENT_KEYWORD] },
        remove: { systemFlags: 0, keywords: [] },
      });
      await this.#send("read", to, header, account);
    }
  }

  /** A device is given the message. Returns at once. */
  arrived(item: MailItem, header: MailHeader, account: Account): void {
    const { settings, clock, states } = this.#ports;
    const to = header.deliveryReceiptTo;
    const isNew =
      (item.systemFlags & (SystemFlag.seen | SystemFlag.draft)) === 0 &&
      clock.nowMs() - item.internalDate * 1000 < MAX_AGE_MS;
    if (!settings.delivery || !isNew || !mayTell(to, header, account)) return;
    this.#run(account, async () => {
      const address = {
        userId: account.userId,
        deviceId: "",
        kind: "sent",
        key: `receipt ${item.contentKey}`,
      } as const;
      if (await states.remember(address, REMEMBERED_SECONDS))
        await this.#send("delivery", to, header, account);
    });
  }

  async #send(kind: "read" | "delivery", to: string, header: MailHeader, account: Account): Promise<void> {
    const { settings, hostName, clock, random, log } = this.#ports;
    const [address = ""] = account.addresses;
    const bytes = printReceipt({
      kind,
      to,
      from: { name: account.displayName, address },
      header,
      template: kind === "read" ? settings.readText : settings.deliveryText,
      hostName,
      nowMs: clock.nowMs(),
      id: random.bytes(16).toString("hex"),
    });
    await account.send({ bytes, saveInSent: false });
    log.info("receipt sent", { kind, user: account.userId, to, messageId: header.messageId });
  }

  #run(account: Account, work: () => Promise<void>): void {
    if (this.#running >= MAX_RUNNING) return;
    this.#running += 1;
    work()
      .catch((error: unknown) =>
        this.#ports.log.warn("receipt not sent", { user: account.userId, err: error }),
      )
      .finally(() => (this.#running -= 1));
  }
}

function mayTell(to: string, header: MailHeader, account: Account): boolean {
  const isOneOf = (list: readonly { readonly address: string }[]): boolean =>
    list.some(({ address }) => address.toLowerCase() === to.toLowerCase());
  const isAutomatic = header.autoSubmitted !== "" && header.autoSubmitted !== "no";
  if (to === "" || header.isList || isAutomatic) return false;
  const isOwn = account.addresses.some((address) => address.toLowerCase() === to.toLowerCase());
  return !isOwn && (isOneOf(header.from) || isOneOf(header.sender) || isOneOf(header.replyTo));
}
