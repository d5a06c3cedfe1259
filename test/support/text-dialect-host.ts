/**
 * The two machines of the document that describes the first replication: commands are typed on the master's shell,
 * `ssh … sync_server` talks to the replica. Message ids of the document stand for those of the fixture's messages.
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import type { Connection } from "../../src/base/io/network.ts";
import { type Log, Logs } from "../../src/base/log.ts";
import { toModseq, toUid } from "../../src/base/numbers.ts";
import { parseTextAcl } from "../../src/sync/text/acl-text.ts";
import { TextReplica } from "../../src/sync/text/client/text-replica.ts";
import { updateFoldersByText } from "../../src/sync/text/client/update-by-text.ts";
import { messageIdOf } from "../../src/sync/text/message-id.ts";
import { TextSession } from "../../src/sync/text/text-session.ts";
import { type InlineStore, openInlineStore } from "./inline-store.ts";
import { PipePeer } from "./pipe-peer.ts";
import { PipeEnd } from "./pipe.ts";
import type { TranscriptHost, TranscriptPeer } from "./transcript.ts";

const USER = "dpc22";
const INBOX = "user.dpc22";
const ACL = "dpc22 lrswipcda anonymous 0 ";

export class TextDialectHost implements TranscriptHost {
  readonly failures: string[] = [];
  readonly master: InlineStore;
  readonly replica: InlineStore;
  readonly log: Log;
  /** Id of a fixture's message → id in the document. */
  readonly #shown = new Map<string, string>();

  static async open(): Promise<TextDialectHost> {
    return new TextDialectHost(await openInlineStore(), await openInlineStore());
  }

  private constructor(master: InlineStore, replica: InlineStore) {
    this.master = master;
    this.replica = replica;
    const destination = (line: string): number => this.failures.push(line);
    this.log = new Logs({ level: "error", format: "json", destination }).named("text");
  }

  async close(): Promise<void> {
    await this.master.close();
    await this.replica.close();
  }

  connect(): Promise<TranscriptPeer> {
    return Promise.resolve(new Shell(this));
  }

  generalize(line: string): string {
    return line;
  }

  /**
   * `folder UNIQUEID`: the INBOX of dpc22. `message UID ID FLAGS`: one of its messages. `header UIDLAST TIME`: its last
   * UID and the time of the last seen update. `replicate`: quietly. `move UID FOLDER UNIQUEID TIME`: into a new folder.
   */
  async directive([word, ...rest]: readonly string[]): Promise<void> {
    const [first = "", second = "", ...more] = rest;
    const { store } = this.master;
    if (word === "folder") {
      await store.create(INBOX, { uniqueId: first, acl: parseTextAcl(ACL), uidValidity: 1_041_379_200 });
    } else if (word === "message") await this.#message(Number(first), second, more);
    else if (word === "header") {
      const header = { lastUid: Number(first), recentTime: Number(second) };
      await store.apply({ mailbox: store.mailboxes.get(INBOX).id, header, records: [] });
    } else if (word === "replicate") await this.replicate([INBOX]);
    else if (word === "move") {
      const [uniqueId = "", time = ""] = more;
      const options = { uniqueId, acl: parseTextAcl(ACL), uidValidity: Number(time) };
      const folder = await store.create(second, options);
      const { id } = store.mailboxes.get(INBOX);
      const by = { userId: USER, sessionId: 0 };
      await store.copy(id, [toUid(Number(first))], folder.id, { move: true }, by);
    } else throw new Error(`unknown directive "${word}"`);
  }

  async #message(uid: number, shownId: string, keywords: readonly string[]): Promise<void> {
    const { store } = this.master;
    const own = store.mailboxes.get(INBOX);
    const bytes = Buffer.from(`Subject: message ${uid}\r\n\r\n${"text ".repeat(uid % 50)}\r\n`);
    const guid = createHash("sha1").update(bytes).digest("hex");
    this.#shown.set(messageIdOf(guid), shownId);
    const modseq = toModseq(own.highestModseq + 1);
    const body = store.stageBuffer(bytes);
    const record = { createdModseq: modseq, lastUpdated: 1, internalDate: 1_062_000_000 + uid, saveDate: 1 };
    const answered = keywords.includes("\\answered") ? 2 : 0;
    await store.apply({
      mailbox: own.id,
      header: { highestModseq: modseq },
      records: [
        {
          ...record,
          uid: toUid(uid),
          modseq,
          guid,
          body,
          sizeBytes: bytes.length,
          systemFlags: answered,
          keywords: [],
          threadId: "",
          annotations: [],
        },
      ],
    });
    body.release();
  }

  /** The replica's sync server, as SSH would start it. */
  startServer(): Connection {
    const [end, client] = PipeEnd.pair();
    const { store, clock } = this.replica;
    void new TextSession(end, { store, clock, log: this.log, partitions: new Set(["default"]) });
    return client;
  }

  async replicate(names: readonly string[]): Promise<readonly string[]> {
    const steps: string[] = [];
    const { store, clock } = this.master;
    const replica = await TextReplica.open(this.startServer(), clock, 60_000);
    const mailboxes = names.map((name) => store.mailboxes.get(name));
    const failed = await updateFoldersByText(
      { store, replica, clock, log: this.log, step: (text) => void steps.push(text), uploaded() {} },
      USER,
      mailboxes,
    );
    await replica.link.close();
    assert.deepEqual(failed, []);
    return steps;
  }

  /** The line with the document's ids. */
  shown(line: string): string {
    return line.replaceAll(/\b[0-9a-f]{24}\b/g, (id) => this.#shown.get(id) ?? id);
  }
}

/** A shell on the master: `$ ssh …` and `$ replicate …`; everything else goes to the sync server. */
class Shell implements TranscriptPeer {
  readonly #host: TextDialectHost;
  #session: PipePeer | undefined;
  #lines: string[] = [];
  #running: Promise<void> = Promise.resolve();

  constructor(host: TextDialectHost) {
    this.#host = host;
  }

  send(bytes: Buffer): void {
    const line = bytes.toString("latin1").trimEnd();
    if (line.startsWith("$ ssh ")) {
      this.#session?.connection.destroy();
      this.#session = new PipePeer(this.#host.startServer() as PipeEnd);
    } else if (line.startsWith("$ replicate ")) {
      const names = line.slice(line.indexOf(" -m ") + 4).split(" ");
      this.#running = this.#host.replicate(names).then((steps) => void this.#lines.push(...steps));
    } else this.#session?.send(bytes);
  }

  async line(): Promise<string | undefined> {
    await this.#running;
    const line = this.#lines.shift() ?? (await this.#session?.line());
    return line === undefined ? undefined : this.#host.shown(line);
  }

  waiting(): readonly string[] {
    return [...this.#lines, ...(this.#session?.waiting() ?? [])];
  }
}
