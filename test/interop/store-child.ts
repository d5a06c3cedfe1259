/**
 * A real process with a real store, for tests that watch or kill it.
 *
 *   deliver-one FOLDER       delivers one message and says "ACK …" on standard output
 *   load FOLDER FIRST        delivers from message number FIRST on, eight at a time, until it is killed
 */
import { writeSync } from "node:fs";
import type { Mailbox } from "../../src/store/model.ts";
import type { Store } from "../../src/store/port.ts";
import { openStore } from "../support/open-store.ts";
import { bodyOf, BOXES, PREFIX } from "./store-messages.ts";

const WRITERS = 8;

/** Standard output may be a pipe: written at once, so that the order of system calls is the order of events. */
function say(line: string): void {
  writeSync(1, `${line}\n`);
}

async function boxesOf(store: Store): Promise<Mailbox[]> {
  const boxes: Mailbox[] = [];
  for (const name of BOXES) boxes.push(store.mailboxes.find(name) ?? (await store.create(name, {})));
  return boxes;
}

async function deliver(store: Store, boxes: readonly Mailbox[], number: number): Promise<void> {
  const box = boxes[number % boxes.length];
  if (box === undefined) throw new Error("no mailbox");
  const body = store.stageBuffer(bodyOf(number));
  const target = { mailbox: box.id, systemFlags: 0, keywords: [], prefix: PREFIX };
  const [result] = await store.deliver(body, [target]);
  body.release();
  if (result?.status !== "delivered") throw new Error(`not delivered: ${JSON.stringify(result)}`);
  const modseq = store.mailboxes.byId(box.id)?.highestModseq ?? 0;
  say(`ACK ${box.name} ${result.uid} ${number} ${modseq}`);
}

const [mode = "", folder = "", first = "0"] = process.argv.slice(2);
const store = await openStore({ folder });
const boxes = await boxesOf(store);
say("READY");
if (mode === "deliver-one") {
  await deliver(store, boxes, 1);
  await store.close();
} else {
  let next = Number(first);
  const write = async () => {
    for (;;) {
      const number = next;
      next += 1;
      await deliver(store, boxes, number);
    }
  };
  await Promise.all(Array.from({ length: WRITERS }, write));
}
