/**
 * Mail that users send, from their mail program (`server.ts`) or their phone: who may send as whom, how much, and into
 * the queue, which delivers to our own users directly.
 *
 * Promise: when `send` resolves the message is on disk for every recipient; when it rejects nobody gets it.
 */
import type { Clock } from "../base/io/clock.ts";
import type { Random } from "../base/io/random.ts";
import { Lru } from "../base/lru.ts";
import { parseAddress, printAddress, splitDetail } from "../directory/address.ts";
import type { Directory, User } from "../directory/port.ts";
import { parseAddressList } from "../mime/address.ts";
import { fieldValues, headerEnd } from "../mime/headers.ts";
import { prepareMessage } from "./prepare.ts";
import { SubmissionRefusal } from "./refusal.ts";
import type { SubmissionSettings } from "./options.ts";

/** The queue, as far as this room sees it. */
export interface OutgoingQueue {
  /** All or none, durable when it resolves. */
  submitAll(mails: readonly OutgoingMail[]): Promise<void>;
}

export interface OutgoingMail {
  readonly kind: "submission";
  readonly userId: string;
  readonly sender: string;
  readonly recipient: string;
  readonly bytes: Buffer;
  readonly once: { readonly key: string; readonly seconds: number } | undefined;
}

export interface OutgoingPorts {
  readonly directory: Directory;
  readonly queue: OutgoingQueue;
  readonly settings: SubmissionSettings;
  readonly addressSeparator: string;
  readonly hostName: string;
  readonly clock: Clock;
  readonly random: Random;
}

const HOUR_MS = 3_600_000;
/** How long a message that a device sends again, since it heard no answer, is known. */
const ONCE_SECONDS = 2 * 86_400;
const MAX_USERS = 100_000;

export class Outgoing {
  readonly #ports: OutgoingPorts;
  readonly #rates = new Lru<string, { readonly startedAtMs: number; count: number }>({
    maxEntries: MAX_USERS,
  });

  constructor(ports: OutgoingPorts) {
    this.#ports = ports;
  }

  /** @throws SubmissionRefusal sender_denied; AuthError unavailable */
  async checkSender(userId: string, address: string): Promise<User> {
    const user = await this.#ports.directory.findUser(userId);
    if (user === undefined || !user.enabled)
      throw new SubmissionRefusal("sender_denied", `no user "${userId}"`);
    if (!this.#isOwn(user, address)) {
      throw new SubmissionRefusal("sender_denied", `"${address}" is not an address of ${userId}`);
    }
    return user;
  }

  /** @throws SubmissionRefusal recipient_unknown, recipient_invalid; AuthError unavailable */
  async checkRecipient(address: string): Promise<void> {
    if (!address.includes("@") || parseAddress(address, "invalid") === undefined) {
      throw new SubmissionRefusal("recipient_invalid", `"${address}" is no address`);
    }
    const { kind } = await this.#ports.directory.resolveRecipient(address);
    if (kind === "unknown") {
      throw new SubmissionRefusal("recipient_unknown", `there is no user or alias "${address}"`);
    }
  }

  /**
   * Takes one message of a user. `sender` and `recipients` are the envelope; `received` the Received field without date.
   * With a `onceKey` a recipient gets the message of this key once, however often it is sent.
   * @throws SubmissionRefusal; AuthError unavailable; Error when the disk fails
   */
  async send(
    userId: string,
    sender: string,
    recipients: readonly string[],
    bytes: Buffer,
    received?: string,
    onceKey?: string,
  ): Promise<void> {
    const { queue, settings, clock, random, hostName } = this.#ports;
    if (recipients.length === 0)
      throw new SubmissionRefusal("no_recipients", "the message has no recipients");
    if (recipients.length > settings.maxRecipients) {
      throw new SubmissionRefusal("too_many_recipients", `more than ${settings.maxRecipients} recipients`);
    }
    if (settings.maxMessageSizeBytes > 0 && bytes.length > settings.maxMessageSizeBytes) {
      throw new SubmissionRefusal("message_too_big", `more than ${settings.maxMessageSizeBytes} bytes`);
    }
    const user = await this.checkSender(userId, sender);
    if (settings.fromHeader === "own") this.#checkFrom(user, bytes);
    await Promise.all(recipients.map((recipient) => this.checkRecipient(recipient)));
    this.#takeRate(user.userId, recipients.length);
    const message = prepareMessage(bytes, {
      hostName,
      nowMs: clock.nowMs(),
      id: random.bytes(16).toString("hex"),
      received,
    });
    const unique = [...new Map(recipients.map((one) => [one.toLowerCase(), one])).values()];
    await queue.submitAll(
      unique.map((recipient) => ({
        kind: "submission",
        userId: user.userId,
        sender,
        recipient,
        bytes: message,
        once:
          onceKey === undefined
            ? undefined
            : { key: `${onceKey}:${recipient.toLowerCase()}`, seconds: ONCE_SECONDS },
      })),
    );
  }

  /** Every mailbox in From must be the user's (RFC 6409 §6.1): what recipients see is what he may use. */
  #checkFrom(user: User, bytes: Buffer): void {
    const values = fieldValues(bytes, 0, headerEnd(bytes), "from");
    const mailboxes = values
      .flatMap((value) => parseAddressList(value))
      .filter(({ kind }) => kind === "mailbox");
    for (const { mailbox, host } of mailboxes) {
      const address = Buffer.from(host === "" ? mailbox : `${mailbox}@${host}`, "latin1").toString("utf8");
      if (!this.#isOwn(user, address)) {
        throw new SubmissionRefusal(
          "sender_denied",
          `From names "${address}", not an address of ${user.userId}`,
        );
      }
    }
  }

  #isOwn(user: User, address: string): boolean {
    const { directory, addressSeparator } = this.#ports;
    const parsed = parseAddress(address, directory.defaultDomain);
    if (parsed === undefined) return false;
    const { base } = splitDetail(parsed.local, addressSeparator);
    const names = new Set([printAddress(parsed), printAddress({ ...parsed, local: base })]);
    return user.addresses.some((own) => {
      const known = parseAddress(own, directory.defaultDomain);
      return known !== undefined && names.has(printAddress(known));
    });
  }

  /** Recipients an hour. */
  #takeRate(userId: string, count: number): void {
    const { settings, clock } = this.#ports;
    if (settings.userRate === 0) return;
    const nowMs = clock.monotonicMs();
    let entry = this.#rates.get(userId);
    if (entry === undefined || nowMs - entry.startedAtMs >= HOUR_MS) {
      entry = { startedAtMs: nowMs, count: 0 };
      this.#rates.set(userId, entry);
    }
    if (entry.count + count > settings.userRate) {
      throw new SubmissionRefusal("rate_limited", `more than ${settings.userRate} recipients in an hour`);
    }
    entry.count += count;
  }
}
