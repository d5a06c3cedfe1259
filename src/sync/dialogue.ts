/**
 * The replica's side of the sync protocol, whatever carries it: the csync port or SYNC* commands inside IMAP. Lines in,
 * response lines out. Its state is the staging area and the capabilities that the client applied.
 */
import type { Clock } from "../base/io/clock.ts";
import type { Log } from "../base/log.ts";
import type { UserId } from "../store/model.ts";
import type { Store } from "../store/port.ts";
import type { DlistReader } from "./codec/reader.ts";
import type { FileHeader, FileSink } from "./codec/framer.ts";
import { SyncProtocolError } from "./codec/errors.ts";
import { applyTable, getTable } from "./commands/table.ts";
import type { BodyIntake } from "./line-stream.ts";
import type { RecordSpool } from "./record-spool.ts";
import { MailboxScripts } from "./mailbox-scripts.ts";
import { replyTo, SyncRefusal, SyncReply } from "./reply.ts";
import { Staging } from "./staging.ts";

export interface SyncServices {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  /** Names of the partitions that messages may be stored on. */
  readonly partitions: ReadonlySet<string>;
  /** Users' scripts do not run here: each one that is active is told in the log. */
  readonly sieveIsOff?: boolean;
}

/** Sends one response line, in pieces. */
export type Send = (pieces: readonly Buffer[]) => void | Promise<void>;

const MAILBOX_LINE = /^(?:APPLY|\S+ SYNCAPPLY) (?:LOCAL_)?MAILBOX %\(/i;

export class SyncDialogue implements BodyIntake {
  readonly services: SyncServices;
  readonly staging: Staging;
  /** SIEVE lines of clients that do not know #sieve mailboxes. */
  readonly scripts: MailboxScripts;
  /** Capabilities that the client has enabled; they stay for the session. */
  readonly enabled = new Set<string>();
  /** FORCE was applied: this side gives way. */
  force = false;

  constructor(services: SyncServices) {
    this.services = services;
    this.staging = new Staging(services.store);
    this.scripts = new MailboxScripts(services.store, services.clock);
  }

  /** Says that mail will not be filtered as the user expects. */
  warnOfActiveScript(user: UserId): void {
    if (this.services.sieveIsOff !== true || user === "") return;
    this.services.log.warn("user has an active Sieve script, and scripts do not run here", { user });
  }

  /** The name again. @throws SyncRefusal when there is no such partition here */
  knownPartition(name: string): string {
    const { partitions, log } = this.services;
    if (partitions.has(name)) return name;
    log.warn("a master names a partition that is not here, see sync.partitions", { partition: name });
    throw new SyncRefusal(SyncReply.badPartition);
  }

  openFile(header: FileHeader): FileSink {
    return this.staging.open(header);
  }

  /** Only MAILBOX has so many records. */
  openRecords(head: Buffer): RecordSpool | undefined {
    return MAILBOX_LINE.test(head.toString("latin1", 0, 200)) ? this.staging.spool() : undefined;
  }

  get isBehind(): boolean {
    return this.staging.isBehind;
  }

  idle(): Promise<void> {
    return this.staging.idle();
  }

  /** Runs one command whose word (GET, APPLY, RESTORE) was read already; returns the last line, without a tag. */
  async run(
    word: "GET" | "APPLY" | "RESTORE",
    reader: DlistReader,
    send: Send,
    records?: RecordSpool,
  ): Promise<string> {
    try {
      await this.staging.settled();
      const key = reader.sp().word().toUpperCase();
      const command = (word === "GET" ? getTable : applyTable).get(key);
      if (command === undefined) return SyncReply.protocolError;
      reader.sp();
      return (await command.run(this, reader, send, records)) ?? SyncReply.ok;
    } catch (error) {
      if (error instanceof SyncProtocolError) {
        this.services.log.warn("command cannot be read", { err: error });
        // Cyrus 3.6.1's words, and what is wrong behind them.
        const what = error.message.replace(/[\r\n]/g, " ");
        return `BAD IMAP_PROTOCOL_ERROR Failed to parse ${word} line: ${what}`;
      }
      const reply = replyTo(error);
      if (reply !== undefined) return reply;
      this.services.log.error("command failed", { err: error });
      return SyncReply.unknown;
    }
  }

  restart(): void {
    this.staging.restart();
  }
}
