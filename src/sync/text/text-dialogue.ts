/** What a session of the text dialect knows between two commands, and how it changes a folder. */
import { MAX_UINT32, toModseq, toUid, type Uid } from "../../base/numbers.ts";
import { StoreError } from "../../store/errors.ts";
import type { Guid, Mailbox, MailboxId, UserId } from "../../store/model.ts";
import type { ReplicatedChange } from "../../store/port.ts";
import type { DlistReader } from "../codec/reader.ts";
import type { Send, SyncServices } from "../dialogue.ts";
import { SyncRefusal } from "../reply.ts";

/** A message that RESERVE found: its bytes can be put into another folder. */
export interface ReservedMessage {
  readonly guid: Guid;
  readonly partition: string;
  readonly sizeBytes: number;
}

export interface TextCommand {
  /** As on the wire, upper case. */
  readonly name: string;
  /** What has to come before it. */
  readonly needs: "nothing" | "user" | "folder";
  /** `reader` stands behind the command's word. Returns the last line. @throws SyncRefusal, StoreError */
  run(dialogue: TextDialogue, reader: DlistReader, send: Send): Promise<string> | string;
}

/** @throws SyncRefusal when it is out of range */
export function readUid(reader: DlistReader): Uid {
  const uid = reader.number();
  if (uid < 1 || uid > MAX_UINT32) throw new SyncRefusal(`BAD UID ${uid} is out of range`);
  return toUid(uid);
}

/** Clients change the folder meanwhile: tried again so often. */
const MAX_TRIES = 5;
/** Messages held for COPY in one user's turn. */
const MAX_RESERVED = 131_072;

export class TextDialogue {
  readonly services: SyncServices;
  user: UserId | undefined;
  #selected: MailboxId | undefined;
  readonly #reserved = new Map<string, ReservedMessage>();

  constructor(services: SyncServices) {
    this.services = services;
  }

  get hasFolder(): boolean {
    return this.#selected !== undefined;
  }

  select(mailbox: Mailbox): void {
    this.#selected = mailbox.id;
  }

  /** @throws SyncRefusal when it went away meanwhile */
  folder(): Mailbox {
    const mailbox =
      this.#selected === undefined ? undefined : this.services.store.mailboxes.byId(this.#selected);
    if (mailbox === undefined) throw new SyncRefusal("NO No folder is selected");
    return mailbox;
  }

  reserve(messageId: string, message: ReservedMessage): boolean {
    if (this.#reserved.size >= MAX_RESERVED) return false;
    this.#reserved.set(messageId, message);
    return true;
  }

  reserved(messageId: string): ReservedMessage | undefined {
    return this.#reserved.get(messageId);
  }

  endUser(): void {
    this.user = undefined;
    this.#selected = undefined;
    this.#reserved.clear();
  }

  /**
   * Changes the selected folder in one commit, under a modseq of its own: this dialect knows none. `plan` sees the
   * folder as it is and the modseq of what it changes; it may be asked again. undefined = nothing to do.
   */
  async change(
    plan: (own: Mailbox, modseq: Mailbox["highestModseq"]) => Omit<ReplicatedChange, "mailbox"> | undefined,
  ): Promise<void> {
    for (let tries = 1; ; tries++) {
      const own = this.folder();
      const modseq = toModseq(own.highestModseq + 1);
      const change = plan(own, modseq);
      if (change === undefined) return;
      try {
        await this.services.store.apply({
          ...change,
          mailbox: own.id,
          ifHighestModseq: own.highestModseq,
          header: { ...change.header, highestModseq: modseq },
        });
        return;
      } catch (error) {
        const isRace = error instanceof StoreError && error.code === "conflict";
        if (!isRace || tries === MAX_TRIES) throw error;
      }
    }
  }

  nowSeconds(): number {
    return Math.floor(this.services.clock.nowMs() / 1000);
  }
}
