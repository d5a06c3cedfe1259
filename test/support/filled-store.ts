/** A store in a folder of its own with messages in it, in segments small enough that a test has several. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { toUid, type Uid } from "../../src/base/numbers.ts";
import type { DiskStore } from "../../src/store/disk-store.ts";
import type { MailboxId } from "../../src/store/model.ts";
import { openStore } from "../../src/store/open.ts";

export const SMALL_SEGMENT_BYTES = 20_000;
export const BY = { userId: "alice", sessionId: 0 };

export class FilledStore {
  readonly folder = mkdtempSync(join(tmpdir(), "rookery-filled-"));
  readonly bodies = new Map<number, Buffer>();
  #store: DiskStore | undefined;
  inbox: MailboxId = 0;
  #count = 0;

  get store(): DiskStore {
    if (this.#store === undefined) throw new Error("the store is not open");
    return this.#store;
  }

  async open(): Promise<DiskStore> {
    this.#store = await openStore({ folder: this.folder, inline: true, segmentBytes: SMALL_SEGMENT_BYTES });
    const found = this.#store.mailboxes.find("user.alice");
    this.inbox = (found ?? (await this.#store.create("user.alice", {}))).id;
    return this.#store;
  }

  /** Appends messages of about 2 kB each to INBOX. */
  async fill(count: number, internalDate?: number): Promise<void> {
    for (let i = 0; i < count; i += 1) {
      this.#count += 1;
      const text = `Subject: message ${this.#count}\r\n\r\n${`line ${this.#count}\r\n`.repeat(200)}`;
      const body = Buffer.from(text);
      const message = { body: this.store.stageBuffer(body), systemFlags: 0, keywords: [] };
      const { uids } = await this.store.append(
        this.inbox,
        [internalDate === undefined ? message : { ...message, internalDate }],
        BY,
      );
      this.bodies.set(uids[0] ?? 0, body);
    }
  }

  /** Expunges these UIDs and lets their tombstones expire. */
  async forget(uids: readonly number[]): Promise<void> {
    await this.store.expunge(this.inbox, uids.map(toUid), { onlyDeleted: false }, BY);
    for (const uid of uids) this.bodies.delete(uid);
    await this.store.expire(Math.floor(Date.now() / 1000) + 1000 * 86_400);
  }

  /** UIDs whose body does not read back as it was. */
  async wrongBodies(): Promise<number[]> {
    const wrong: number[] = [];
    for (const [uid, body] of this.bodies) {
      const bytes = await this.store.readBody(this.inbox, uid as Uid).catch(() => Buffer.alloc(0));
      if (!bytes.equals(body)) wrong.push(uid);
    }
    return wrong;
  }

  async close(): Promise<void> {
    await this.#store?.close();
    this.#store = undefined;
  }

  async dispose(): Promise<void> {
    await this.close();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

export async function withFilledStore(run: (filled: FilledStore) => Promise<void>): Promise<void> {
  const filled = new FilledStore();
  try {
    await filled.open();
    await run(filled);
  } finally {
    await filled.dispose();
  }
}
