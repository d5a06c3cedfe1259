/**
 * What a store owes its callers: a plain model of everything acknowledged, and of what was asked but not answered.
 *
 * A message is "there" once its append was acknowledged, "gone" once its expunge was, and "open" while a crash left it
 * undecided. Looking at the store after a restart decides what is open.
 */
export type Presence = "there" | "gone" | "open";

export interface ModelMessage {
  readonly uid: number;
  readonly body: Buffer;
  presence: Presence;
  /** undefined = a crash left it undecided. */
  flags: ModelFlags | undefined;
}

export interface ModelFlags {
  readonly systemFlags: number;
  readonly keywords: readonly string[];
}

export interface ModelMailbox {
  readonly uniqueId: string;
  /** Names it may have; more than one only while a rename is undecided. Empty = deleted. */
  names: readonly string[];
  /** It may be gone: its delete is undecided. */
  mayBeGone: boolean;
  readonly messages: Map<number, ModelMessage>;
  uidValidity: number;
  lastUid: number;
  highestModseq: number;
}

export class StoreModel {
  readonly mailboxes = new Map<string, ModelMailbox>();
  /** Every body that was ever handed in, by content: what is found in the store must be one of these. */
  readonly bodies = new Map<string, Buffer>();
  /** Names whose create is undecided. */
  openNames: string[] = [];
  feedHead = 0;
  #names = 0;

  /** A name that no mailbox of this run ever had. */
  newName(): string {
    this.#names += 1;
    return `user.alice.box${this.#names}`;
  }

  created(uniqueId: string, name: string, uidValidity: number, highestModseq: number): ModelMailbox {
    const mailbox: ModelMailbox = {
      uniqueId,
      names: [name],
      mayBeGone: false,
      messages: new Map(),
      uidValidity,
      lastUid: 0,
      highestModseq,
    };
    this.mailboxes.set(uniqueId, mailbox);
    return mailbox;
  }

  handIn(body: Buffer): Buffer {
    this.bodies.set(body.toString("latin1"), body);
    return body;
  }

  appended(mailbox: ModelMailbox, uid: number, body: Buffer, flags: ModelFlags, modseq: number): void {
    mailbox.messages.set(uid, { uid, body, presence: "there", flags });
    mailbox.lastUid = Math.max(mailbox.lastUid, uid);
    this.changed(mailbox, modseq);
  }

  changed(mailbox: ModelMailbox, modseq: number): void {
    mailbox.highestModseq = Math.max(mailbox.highestModseq, modseq);
  }

  there(mailbox: ModelMailbox): ModelMessage[] {
    return [...mailbox.messages.values()].filter((message) => message.presence === "there");
  }

  living(): ModelMailbox[] {
    return [...this.mailboxes.values()].filter((mailbox) => mailbox.names.length > 0);
  }
}
