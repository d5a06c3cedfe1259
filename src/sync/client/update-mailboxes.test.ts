import assert from "node:assert/strict";
import { test } from "node:test";
import type { PipeEnd } from "../../../test/support/pipe.ts";
import { compareUser, openSyncPair, type SyncPair } from "../../../test/support/sync-pair.ts";
import { toUid } from "../../base/numbers.ts";
import { SystemFlag } from "../../store/model.ts";
import { updateUser } from "./update-user.ts";

const ALICE = { userId: "alice", sessionId: 0 };
const INBOX = "user.alice";
/** Turns of the event loop without a word of the client: it waits for an answer. Nothing here waits for a disk. */
const QUIET_TURNS = 20;

/** Answers come only when the client has nothing more to say; how often it was made to wait. */
function stubborn(waits: { count: number }): (client: PipeEnd) => void {
  return (client) => {
    const held: Buffer[] = [];
    let receive = (_chunk: Buffer): void => {};
    let quietTurns = 0;
    const write = client.write.bind(client);
    client.write = (bytes) => {
      quietTurns = 0;
      write(bytes);
    };
    const onData = client.onData.bind(client);
    client.onData = (given) => {
      receive = given;
      onData((chunk) => void held.push(chunk));
    };
    const turn = (): void => {
      quietTurns += 1;
      if (quietTurns > QUIET_TURNS && held.length > 0) {
        waits.count += 1;
        quietTurns = 0;
        receive(Buffer.concat(held.splice(0)));
      }
      if (!client.isClosed) setImmediate(turn);
    };
    turn();
  };
}

async function append({ here }: SyncPair, name: string, text: string): Promise<void> {
  const body = here.stageBuffer(Buffer.from(`Subject: x\r\n\r\n${text}\r\n`));
  await here.append(here.mailboxes.get(name).id, [{ body, systemFlags: 0, keywords: [] }], ALICE);
  body.release();
}

test("hundreds of mailboxes do not cost a round trip each, made, changed or deleted", async (t) => {
  const pair = await openSyncPair(t);
  const { here } = pair;
  const waits = { count: 0 };
  const sync = async (): Promise<number> => {
    waits.count = 0;
    const run = await pair.connect({ onClient: stubborn(waits) });
    assert.deepEqual(await updateUser(run, "alice"), []);
    await run.replica.link.close();
    return waits.count;
  };
  await here.create(INBOX, {});
  const nothing = await sync();
  const names = Array.from({ length: 120 }, (_, number) => `${INBOX}.Box${number}`);
  for (const name of names) {
    await here.create(name, {});
    await here.subscriptions.set("alice", name, true);
  }
  // The window of answers is what is left to wait for.
  assert.ok((await sync()) - nothing < 30, `${waits.count} waits, ${nothing} for nothing`);
  for (const name of names) {
    const { id } = here.mailboxes.get(name);
    await here.setAcl(id, [{ identifier: "bob", rights: "lr" }]);
    await here.subscriptions.set("alice", name, false);
  }
  assert.ok((await sync()) - nothing < 30, `${waits.count} waits`);
  await compareUser(here, pair.there, "alice");
  for (const name of names) await here.delete(here.mailboxes.get(name).id, { immediate: true });
  assert.ok((await sync()) - nothing < 30, `${waits.count} waits`);
  assert.equal(pair.there.mailboxes.find(names[0]!), undefined);
});

test("a first copy asks for nothing and sends a message once, however many mailboxes have it", async (t) => {
  const pair = await openSyncPair(t);
  const { here, steps, sync } = pair;
  const { id } = await here.create(INBOX, {});
  await append(pair, INBOX, "one");
  for (let number = 0; number < 5; number++) {
    const box = await here.create(`${INBOX}.Box${number}`, {});
    await here.copy(id, [toUid(1)], box.id, { move: false }, ALICE);
    await append(pair, box.name, `own ${number}`);
  }
  await sync("alice");
  assert.equal(steps.filter((step) => step === "UPLOAD [1 msgs]").length, 6, steps.join("\n"));
  assert.ok(!steps.some((step) => step.startsWith("RESERVE")), steps.join("\n"));
});

test("mailboxes that are refused do not stop those that were sent behind them", async (t) => {
  const pair = await openSyncPair(t);
  const { here, there, sync } = pair;
  await here.create(INBOX, {});
  const names = Array.from({ length: 9 }, (_, number) => `${INBOX}.Box${number}`);
  for (const name of names) {
    await here.create(name, {});
    await append(pair, name, name);
  }
  await sync("alice");
  for (const [number, name] of names.entries()) {
    await append(pair, name, `more ${name}`);
    const store = number % 2 === 0 ? there : here;
    const flag = { mode: "add", systemFlags: SystemFlag.flagged, keywords: [] } as const;
    // Both ends changed in every second one: it is compared, while the next ones are on their way.
    await store.storeFlags(store.mailboxes.get(name).id, [toUid(1)], flag, ALICE);
  }
  // And two cannot be made equal at all.
  for (const name of names.slice(3, 5)) {
    await there.delete(there.mailboxes.get(name).id, { immediate: true });
    const other = await there.create(name, {});
    const body = there.stageBuffer(Buffer.from("Subject: another\r\n\r\nbody\r\n"));
    await there.append(other.id, [{ body, systemFlags: 0, keywords: [] }], ALICE);
    body.release();
  }
  const run = await pair.connect();
  const failed = await updateUser(run, "alice");
  await run.replica.link.close();
  assert.deepEqual(
    failed.map(({ name, error }) => [name, error.code]),
    names.slice(3, 5).map((name) => [name, "mailbox_moved"]),
  );
  for (const name of names.slice(3, 5)) await there.delete(there.mailboxes.get(name).id, { immediate: true });
  await sync("alice");
});
