/**
 * SIEVE lines over the mailbox `#sieve`: what peers without SIEVE-MAILBOX (Cyrus before 3.6) say and hear of a user's
 * scripts. A script is `name.script`, the active one is also there as `name.bc`, without content (Cyrus 3.6.1, observed).
 * Writes are a replica's: neither the guard nor the authority is asked. Scripts are taken as they are; whether they run
 * is found out at delivery.
 */
import { createHash } from "node:crypto";
import type { Clock } from "../base/io/clock.ts";
import { parseScriptMessage, printScriptMessage, type ScriptMessage } from "../delivery/script-message.ts";
import { scriptsMailbox } from "../delivery/scripts.ts";
import { toModseq, toUid } from "../base/numbers.ts";
import { type Mailbox, type MessageRecord, SystemFlag, type UserId } from "../store/model.ts";
import type { ReplicatedChange, StagedBody, Store } from "../store/port.ts";

const ID_LENGTH = 24;
const NO_GUID = "0".repeat(40);

/** `SIEVE %(FILENAME f LAST_UPDATE t GUID g ISACTIVE n)`. */
export interface SieveLine {
  /** `main.script`, or `main.bc` for the active one. */
  readonly name: string;
  /** SHA-1 of the content; zeros for `.bc`. */
  readonly guid: string;
  readonly lastUpdate: number;
  readonly active: boolean;
}

interface Row extends ScriptMessage {
  readonly record: MessageRecord;
}

export class MailboxScripts {
  readonly #store: Store;
  readonly #clock: Clock;

  constructor(store: Store, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
  }

  async list(user: UserId): Promise<readonly SieveLine[]> {
    const lines: SieveLine[] = [];
    for (const { name, content, record } of await this.#rows(user)) {
      const guid = createHash("sha1").update(content).digest("hex");
      lines.push({ name: `${name}.script`, guid, lastUpdate: record.internalDate, active: false });
      if (isActive(record)) lines.push({ name: `${name}.bc`, guid: NO_GUID, lastUpdate: 0, active: true });
    }
    return lines;
  }

  async get(user: UserId, file: string): Promise<Buffer | undefined> {
    const name = scriptOf(file);
    return (await this.#rows(user)).find((row) => row.name === name)?.content;
  }

  async put(user: UserId, file: string, content: Buffer, lastUpdate: number): Promise<void> {
    const name = scriptOf(file);
    // Compiled scripts of Cyrus mean nothing here.
    if (name === undefined || file.endsWith(".bc")) return;
    const { row: old } = await this.#found(user, name);
    const own = await this.#ensureMailbox(user);
    const id = old?.id ?? createHash("sha1").update(name).digest("hex").slice(0, ID_LENGTH);
    const messageId = `${createHash("sha1").update(content).digest("hex")}@${user}`;
    const bytes = printScriptMessage(
      { name, id, content },
      { from: user, messageId, atMs: lastUpdate * 1000 },
    );
    const body = this.#store.stageBuffer(bytes);
    try {
      await this.#change(own, (modseq) => [
        ...(old === undefined ? [] : [expunged(old.record)]),
        this.#newRecord(own, modseq, bytes, body, lastUpdate, old?.record),
      ]);
    } finally {
      body.release();
    }
  }

  async remove(user: UserId, file: string): Promise<void> {
    const { mailbox, row } = await this.#found(user, scriptOf(file));
    if (mailbox === undefined || row === undefined) return;
    await this.#change(mailbox, () => [expunged(row.record)]);
  }

  /** undefined = none. */
  async activate(user: UserId, file: string | undefined): Promise<void> {
    const rows = await this.#rows(user);
    const mailbox = this.#mailbox(user);
    const wanted = file === undefined ? undefined : scriptOf(file);
    const changed = rows.filter(({ name, record }) => isActive(record) !== (name === wanted));
    if (mailbox === undefined || changed.length === 0) return;
    await this.#change(mailbox, () =>
      changed.map(({ record }) => ({ ...record, systemFlags: record.systemFlags ^ SystemFlag.flagged })),
    );
  }

  #nowSeconds(): number {
    return Math.floor(this.#clock.nowMs() / 1000);
  }

  #mailbox(user: UserId): Mailbox | undefined {
    const mailbox = this.#store.mailboxes.find(scriptsMailbox(user));
    return mailbox?.intermediate === true ? undefined : mailbox;
  }

  async #ensureMailbox(user: UserId): Promise<Mailbox> {
    const options = { type: "sieve", local: true } as const;
    return this.#mailbox(user) ?? (await this.#store.create(scriptsMailbox(user), options));
  }

  async #rows(user: UserId): Promise<readonly Row[]> {
    const mailbox = this.#mailbox(user);
    if (mailbox === undefined) return [];
    const rows = new Map<string, Row>();
    for (const group of this.#store.readRecords(mailbox.id)) {
      for (const record of group) {
        const script = parseScriptMessage(await this.#store.readBody(mailbox.id, record.uid));
        rows.set(script.name, { ...script, record });
      }
    }
    return [...rows.values()];
  }

  async #found(
    user: UserId,
    name: string | undefined,
  ): Promise<{ mailbox: Mailbox | undefined; row: Row | undefined }> {
    const row = (await this.#rows(user)).find((one) => one.name === name);
    return { mailbox: this.#mailbox(user), row };
  }

  #newRecord(
    { lastUid }: Mailbox,
    modseq: MessageRecord["modseq"],
    bytes: Buffer,
    body: StagedBody,
    internalDate: number,
    old: MessageRecord | undefined,
  ): ReplicatedChange["records"][number] {
    return {
      uid: toUid(lastUid + 1),
      modseq,
      createdModseq: modseq,
      lastUpdated: this.#nowSeconds(),
      internalDate,
      sizeBytes: bytes.length,
      guid: createHash("sha1").update(bytes).digest("hex"),
      systemFlags: (old?.systemFlags ?? 0) & SystemFlag.flagged,
      keywords: [],
      threadId: "",
      saveDate: this.#nowSeconds(),
      annotations: [],
      body,
    };
  }

  async #change(
    own: Mailbox,
    records: (modseq: MessageRecord["modseq"]) => ReplicatedChange["records"],
  ): Promise<void> {
    const modseq = toModseq(own.highestModseq + 1);
    const lastUpdated = this.#nowSeconds();
    const changed = records(modseq).map((record) => ({ ...record, modseq, lastUpdated }));
    const lastUid = changed.reduce((last, { uid }) => Math.max(last, uid), own.lastUid);
    await this.#store.apply({
      mailbox: own.id,
      ifHighestModseq: own.highestModseq,
      header: { highestModseq: modseq, lastUid },
      records: changed,
    });
  }
}

function isActive({ systemFlags }: MessageRecord): boolean {
  return (systemFlags & SystemFlag.flagged) !== 0;
}

function expunged(record: MessageRecord): MessageRecord {
  return { ...record, systemFlags: record.systemFlags | SystemFlag.expunged };
}

/** `foo.script`, and for what is active `foo.bc` → foo. */
function scriptOf(file: string): string | undefined {
  return /^(.+)\.(?:script|bc)$/s.exec(file)?.[1];
}
