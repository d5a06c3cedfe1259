/** A store of its own folder with a clock that the test moves, gone with everything when the test ends. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import type { Uid } from "../../src/base/numbers.ts";
import type { DiskStore } from "../../src/store/disk-store.ts";
import type { MailboxId } from "../../src/store/model.ts";
import { openStore, type OpenStoreOptions } from "../../src/store/open.ts";
import type { Actor, NewMessage } from "../../src/store/port.ts";
import { SimClock } from "../sim/sim-clock.ts";

export const ALICE: Actor = { userId: "alice", sessionId: 1 };
export const BOB: Actor = { userId: "bob", sessionId: 2 };

export class StoreTrial {
  readonly folder = mkdtempSync(join(tmpdir(), "rookery-store-"));
  readonly clock = new SimClock();
  readonly #options: Partial<OpenStoreOptions>;
  #store: DiskStore | undefined;

  static async open(context: TestContext, options: Partial<OpenStoreOptions> = {}): Promise<StoreTrial> {
    const trial = new StoreTrial(options);
    context.after(() => trial.remove());
    await trial.reopen();
    return trial;
  }

  constructor(options: Partial<OpenStoreOptions>) {
    this.#options = options;
  }

  get store(): DiskStore {
    if (this.#store === undefined) throw new Error("the store is not open");
    return this.#store;
  }

  async reopen(): Promise<DiskStore> {
    await this.#store?.close();
    const { folder, clock } = this;
    return (this.#store = await openStore({ folder, clock, inline: true, ...this.#options }));
  }

  message(text: string, systemFlags = 0, keywords: readonly string[] = []): NewMessage {
    return {
      body: this.store.stageBuffer(Buffer.from(`Subject: ${text}\r\n\r\n${text}\r\n`)),
      systemFlags,
      keywords,
    };
  }

  async append(mailbox: MailboxId, ...texts: readonly string[]): Promise<readonly Uid[]> {
    const messages = texts.map((text) => this.message(text));
    return (await this.store.append(mailbox, messages, ALICE)).uids;
  }

  async remove(): Promise<void> {
    try {
      await this.#store?.close();
    } finally {
      rmSync(this.folder, { recursive: true, force: true });
    }
  }
}
