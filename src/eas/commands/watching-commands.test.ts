/** Ping, GetItemEstimate and MoveItems over a real store. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { deliver, expunge } from "../../../test/support/eas-mailbox.ts";
import { Phone } from "../../../test/support/eas-phone.ts";
import { EasTrial } from "../../../test/support/eas-trial.ts";
import { tagOf } from "../../wire/wbxml/code-pages.ts";

const t = tagOf;

function scene(name: string, work: (trial: EasTrial, phone: Phone, inbox: string) => Promise<void>): void {
  test(name, async () => {
    const trial = await EasTrial.open();
    try {
      const phone = new Phone(trial.gateway());
      await phone.folderSync();
      await work(trial, phone, phone.idOf("Inbox"));
    } finally {
      await trial.close();
    }
  });
}

interface PingAnswer {
  readonly status: string | undefined;
  readonly folders: readonly string[];
  readonly limit: string | undefined;
}

async function ping(
  trial: EasTrial,
  seconds: number | undefined,
  ids: readonly string[],
  signal?: AbortSignal,
): Promise<PingAnswer> {
  const isEmpty = seconds === undefined && ids.length === 0;
  const root = await trial.gateway().call(
    "Ping",
    isEmpty
      ? undefined
      : (writer) => {
          writer.start(t("Ping:Ping"));
          if (seconds !== undefined) writer.text(t("Ping:HeartbeatInterval"), seconds);
          if (ids.length > 0) {
            writer.start(t("Ping:Folders"));
            for (const id of ids) {
              writer.start(t("Ping:Folder")).text(t("Ping:Id"), id).text(t("Ping:Class"), "Email").end();
            }
            writer.end();
          }
          writer.end();
        },
    signal === undefined ? {} : { signal },
  );
  return {
    status: root?.textOf(t("Ping:Status")),
    folders: root?.child(t("Ping:Folders"))?.children.map(({ text }) => text) ?? [],
    limit: root?.textOf(t("Ping:HeartbeatInterval")) ?? root?.textOf(t("Ping:MaxFolders")),
  };
}

scene("Ping: woken by mail in one of its folders", async (trial, phone, inbox) => {
  const sent = phone.idOf("Sent");
  await phone.syncAll(inbox);
  await phone.syncAll(sent);
  const held = trial.nextHeld();
  const answer = ping(trial, 300, [inbox, sent]);
  await held;
  await deliver(trial, 1, { folder: "user.alice.Sent" });
  assert.deepEqual(await answer, { status: "2", folders: [sent], limit: undefined });
  // Until it is synced.
  assert.equal((await ping(trial, 300, [inbox, sent])).status, "2");
});

scene(
  "Ping: ends in time, when its client goes, and remembers what it was asked",
  async (trial, phone, inbox) => {
    assert.equal((await ping(trial, undefined, [])).status, "3");
    await phone.syncAll(inbox);
    let held = trial.nextHeld();
    const first = ping(trial, 300, [inbox]);
    await held;
    trial.clock.advance(300_000);
    assert.equal((await first).status, "1");
    const end = new AbortController();
    held = trial.nextHeld();
    const again = ping(trial, undefined, [], end.signal);
    await held;
    end.abort();
    await again;
  },
);

scene("Ping: what the phone changed itself is no news", async (trial, phone, inbox) => {
  await deliver(trial, 1);
  await phone.syncAll(inbox);
  phone.act(inbox, { kind: "read", id: `${inbox}:1`, on: true });
  await phone.sync(inbox);
  const held = trial.nextHeld();
  const answer = ping(trial, 300, [inbox]);
  await held;
  trial.clock.advance(300_000);
  assert.equal((await answer).status, "1");
});

scene("Ping: new folders, unknown folders, heartbeats out of range", async (trial, phone, inbox) => {
  await phone.syncAll(inbox);
  const held = trial.nextHeld();
  const answer = ping(trial, 300, [inbox]);
  await held;
  await trial.store.create("user.alice.New", {});
  assert.equal((await answer).status, "7");
  assert.equal((await ping(trial, 300, ["99"])).status, "7");
  assert.deepEqual(await ping(trial, 5, [inbox]), { status: "5", folders: [], limit: "60" });
  assert.deepEqual(await ping(trial, 9999, [inbox]), { status: "5", folders: [], limit: "3540" });
  const many = Array.from({ length: 400 }, (_, at) => String(at));
  assert.deepEqual(await ping(trial, 300, many), { status: "6", folders: [], limit: "300" });
});

async function estimate(phone: Phone, id: string, key: string): Promise<(string | undefined)[]> {
  const root = await phone.call("GetItemEstimate", (writer) => {
    writer.start(t("GetItemEstimate:GetItemEstimate")).start(t("GetItemEstimate:Collections"));
    writer.start(t("GetItemEstimate:Collection")).text(t("AirSync:SyncKey"), key);
    writer.text(t("GetItemEstimate:CollectionId"), id).end().end().end();
  });
  const response = root?.child(t("GetItemEstimate:Response"));
  const collection = response?.child(t("GetItemEstimate:Collection"));
  return [response?.textOf(t("GetItemEstimate:Status")), collection?.textOf(t("GetItemEstimate:Estimate"))];
}

scene("GetItemEstimate: counts what Sync would bring, and leaves it there", async (trial, phone, inbox) => {
  const uids = await deliver(trial, 12);
  assert.deepEqual(await estimate(phone, inbox, "0"), ["3", undefined]);
  await phone.sync(inbox);
  assert.deepEqual(await estimate(phone, inbox, phone.collection(inbox).key), ["1", "12"]);
  await phone.syncAll(inbox);
  await expunge(trial, uids.slice(0, 2));
  await deliver(trial, 1);
  const { key } = phone.collection(inbox);
  assert.deepEqual(await estimate(phone, inbox, key), ["1", "3"]);
  assert.deepEqual(await estimate(phone, inbox, key), ["1", "3"]);
  assert.deepEqual(await estimate(phone, inbox, "9-000000000000"), ["4", undefined]);
  assert.deepEqual(await estimate(phone, "99", key), ["2", undefined]);
});

async function move(
  phone: Phone,
  moves: readonly (readonly [item: string, source: string, target: string])[],
): Promise<readonly (readonly [string | undefined, string | undefined])[]> {
  const root = await phone.call("MoveItems", (writer) => {
    writer.start(t("Move:MoveItems"));
    for (const [item, source, target] of moves) {
      writer.start(t("Move:Move")).text(t("Move:SrcMsgId"), item);
      writer.text(t("Move:SrcFldId"), source).text(t("Move:DstFldId"), target).end();
    }
    writer.end();
  });
  return (
    root
      ?.all(t("Move:Response"))
      .map((response) => [response.textOf(t("Move:Status")), response.textOf(t("Move:DstMsgId"))] as const) ??
    []
  );
}

scene("MoveItems: several at once, statuses, and the same answer again", async (trial, phone, inbox) => {
  await deliver(trial, 3);
  const trash = phone.idOf("Trash");
  await phone.syncAll(inbox);
  const moves = [
    [`${inbox}:1`, inbox, trash],
    [`${inbox}:9`, inbox, trash],
    [`${inbox}:2`, inbox, trash],
    [`${inbox}:3`, inbox, "99"],
    [`${inbox}:3`, inbox, inbox],
    ["nonsense", inbox, trash],
    [`${trash}:1`, inbox, trash],
  ] as const;
  const expected = [
    ["3", `${trash}:1`],
    ["1", undefined],
    ["3", `${trash}:2`],
    ["2", undefined],
    ["4", undefined],
    ["1", undefined],
    ["1", undefined],
  ];
  assert.deepEqual(await move(phone, moves), expected);
  assert.deepEqual(await move(phone, moves), expected);
  assert.equal(trial.store.mailboxes.get("user.alice.Trash").exists, 2);
  await phone.syncAll(inbox);
  assert.deepEqual([...phone.collection(inbox).items.keys()], [`${inbox}:3`]);
});

scene("MoveItems: as many as it takes get the same answer again", async (trial, phone, inbox) => {
  const count = 2_000;
  await deliver(trial, count);
  const trash = phone.idOf("Trash");
  const moves = Array.from({ length: count }, (_, at) => [`${inbox}:${at + 1}`, inbox, trash] as const);
  const first = await move(phone, moves);
  assert.ok(first.every(([status]) => status === "3"));
  assert.deepEqual(await move(phone, moves), first);
});
