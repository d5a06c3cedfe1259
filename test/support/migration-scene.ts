/** A fake source, the engine, and a store as its target. */
import type { TestContext } from "node:test";
import { systemClock } from "../../src/base/io/clock.ts";
import { StoreTarget } from "../../src/migrate/imap/store-target.ts";
import type { Store } from "../../src/store/port.ts";
import { type FakeMessage, type FakeOptions, type FakeSource, startFakeSource } from "./fake-imap-source.ts";
import { openInlineStore } from "./inline-store.ts";
import { type Migration, type MigrationOptions, openMigration } from "./migration.ts";

export function messages(count: number, from = 1): FakeMessage[] {
  return Array.from({ length: count }, (_, index) => ({
    uid: from + index,
    flags: "\\Seen",
    body: Buffer.from(`Subject: ${from + index}\r\n\r\nbody of ${from + index}\r\n`),
  }));
}

export interface Setup {
  readonly fake: FakeSource;
  readonly options: FakeOptions;
  readonly store: Store;
  readonly migration: Migration;
  /** Bodies by UID. */
  readonly stored: (name: string) => Promise<Map<number, string>>;
}

export async function setUp(
  t: TestContext,
  options: FakeOptions,
  more: Partial<MigrationOptions> & { readonly maxMessageBytes?: number } = {},
): Promise<Setup> {
  const fake = await startFakeSource(options);
  t.after(() => fake.close());
  const inline = await openInlineStore();
  t.after(() => inline.close());
  const { store } = inline;
  const { maxMessageBytes } = more;
  const migration = await openMigration({
    source: fake,
    openTarget: ({ user }) =>
      Promise.resolve(new StoreTarget(user.targetUid, { store, clock: systemClock, maxMessageBytes })),
    ...more,
    ports: { firstPauseMs: 1, ...more.ports },
  });
  t.after(() => migration.close());
  return {
    fake,
    options,
    store,
    migration,
    async stored(name) {
      const mailbox = store.mailboxes.find(name);
      const bodies = new Map<number, string>();
      if (mailbox === undefined) return bodies;
      for (const group of store.readRecords(mailbox.id)) {
        for (const { uid } of group) bodies.set(uid, (await store.readBody(mailbox.id, uid)).toString());
      }
      return bodies;
    },
  };
}

export function inbox(count: number): FakeOptions {
  return { folders: [{ name: "INBOX", uidValidity: 9, messages: messages(count) }] };
}
