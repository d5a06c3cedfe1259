/** Message bodies to the replica's staging area: only those that it has in none of the given mailboxes. */
import type { Mailbox, MessageRecord } from "../../store/model.ts";
import { DlistWriter } from "../codec/writer.ts";
import type { Elsewhere } from "./elsewhere.ts";
import type { SyncRun } from "./run.ts";

/** Cyrus takes 1,024 files a command. */
const MAX_FILES = 1024;
const MAX_COMMAND_BYTES = 4 * 1024 * 1024;

/** Resolves when the replica has taken everything that it does not have elsewhere. */
export async function upload(
  run: SyncRun,
  mailbox: Mailbox,
  records: readonly MessageRecord[],
  elsewhere: Elsewhere,
): Promise<void> {
  await (
    await uploadAhead(run, mailbox, records, elsewhere)
  ).taken;
}

/** Resolves when everything is on its way, so that the next command may follow; `taken` when the replica has it. */
export async function uploadAhead(
  run: SyncRun,
  mailbox: Mailbox,
  records: readonly MessageRecord[],
  elsewhere: Elsewhere,
): Promise<{ readonly taken: Promise<unknown> }> {
  const { partition } = mailbox;
  const unstaged = records.filter(({ guid }) => !elsewhere.isStaged(partition, guid));
  const wanted = new Map(unstaged.map((record) => [record.guid, record]));
  if (elsewhere.mailboxes.length > 0 && wanted.size > 0) await dropKnown(run, mailbox, wanted, elsewhere);
  if (wanted.size === 0) return { taken: Promise.resolve() };
  run.step(`UPLOAD [${wanted.size} msgs]`);
  const { link } = run.replica;
  const answers: Promise<void>[] = [];
  const startedMs = run.clock.monotonicMs();
  let sentBytes = 0;
  let command = newCommand();
  const flush = async (): Promise<void> => {
    if (command.files === 0) return;
    answers.push(link.send("APPLY MESSAGE", command.finish(), {}));
    run.uploaded(command.files, command.bytes);
    sentBytes += command.bytes;
    command = newCommand();
    await link.room();
    await throttle(run, startedMs, sentBytes);
  };
  const guids = new Map([...wanted.values()].map(({ uid, guid }) => [uid as number, guid]));
  const uids = [...wanted.values()].map((record) => record.uid).sort((a, b) => a - b);
  for await (const { uid, bytes } of run.store.readBodies(mailbox.id, uids)) {
    const guid = guids.get(uid)!;
    command.add(partition, guid, bytes);
    elsewhere.stage(partition, guid, bytes.length);
    if (command.files >= MAX_FILES || command.bytes >= MAX_COMMAND_BYTES) await flush();
  }
  await flush();
  const taken = Promise.all(answers);
  // It may fail before anybody waits for it.
  taken.catch(() => undefined);
  return { taken };
}

async function dropKnown(
  run: SyncRun,
  mailbox: Mailbox,
  wanted: Map<string, MessageRecord>,
  elsewhere: Elsewhere,
): Promise<void> {
  const guids = [...wanted.keys()];
  run.step(`RESERVE ${elsewhere.mailboxes.join(" ")}`);
  for (let at = 0; at < guids.length; at += MAX_FILES) {
    const asked = guids.slice(at, at + MAX_FILES);
    const missing = new Set(await run.replica.reserve(mailbox.partition, elsewhere.mailboxes, asked));
    for (const guid of asked) {
      if (missing.has(guid)) continue;
      elsewhere.stage(mailbox.partition, guid, 0);
      wanted.delete(guid);
    }
  }
}

interface MessageCommand {
  readonly files: number;
  readonly bytes: number;
  add(partition: string, guid: string, body: Buffer): void;
  finish(): readonly Buffer[];
}

function newCommand(): MessageCommand {
  const bodies: { partition: string; guid: string; body: Buffer }[] = [];
  let bytes = 0;
  return {
    get files() {
      return bodies.length;
    },
    get bytes() {
      return bytes;
    },
    add(partition, guid, body) {
      bodies.push({ partition, guid, body });
      bytes += body.length;
    },
    finish: () =>
      new DlistWriter("client")
        .raw("APPLY")
        .raw("MESSAGE")
        .list((list) => {
          for (const { partition, guid, body } of bodies) list.file(partition, guid, body);
        })
        .line(),
  };
}

async function throttle(run: SyncRun, startedMs: number, sentBytes: number): Promise<void> {
  if (run.maxBytesPerSecond === 0) return;
  const waitMs = (sentBytes / run.maxBytesPerSecond) * 1000 - (run.clock.monotonicMs() - startedMs);
  if (waitMs > 0) await new Promise<void>((resolve) => run.clock.setTimer(waitMs, resolve));
}
