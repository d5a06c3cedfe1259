/**
 * Many changes of one mailbox as one command that is read from the index while it goes out: what is held does not grow
 * with them. (The protocol checks the CRC of the whole mailbox behind each command, so it cannot be several.)
 */
import type { Mailbox, MailboxId, MessageRecord } from "../../store/model.ts";
import { mailboxPieces } from "../codec/mailbox-pieces.ts";
import type { SyncMailbox } from "../codec/mailbox-line.ts";
import { type Base, isExpunged, isNews } from "./collect.ts";
import type { Elsewhere } from "./elsewhere.ts";
import type { SyncRun } from "./run.ts";
import { upload } from "./upload.ts";

/** Messages whose bodies are asked for and uploaded together. */
const UPLOAD_MESSAGES = 4096;
/** Deliveries go on while bodies are uploaded: those of so many rounds are sent, too. */
const MAX_UPLOADS = 3;

export interface Counts {
  readonly changed: number;
  readonly expunged: number;
}

/**
 * A message whose flags change while the command goes out is left out of it: the replica answers with a checksum error,
 * has everything else, and the caller's next look finds only that message missing. @throws ReplicaRefusal, ReplicaLost
 */
export async function sendMany(
  run: SyncRun,
  id: MailboxId,
  base: Base,
  options: {
    readonly since: SyncMailbox | undefined;
    readonly complete: boolean;
    readonly elsewhere: Elsewhere;
    readonly counted: (counts: Counts) => void;
  },
): Promise<void> {
  const filter = options.complete ? {} : { sinceModseq: base.modseq };
  let own = run.store.mailboxes.byId(id);
  let lastUid = base.lastUid;
  for (let uploads = 0; own !== undefined && uploads < MAX_UPLOADS; uploads++) {
    if (own.lastUid === lastUid) break;
    await uploadBetween(run, own, lastUid, options.elsewhere);
    lastUid = own.lastUid;
    own = run.store.mailboxes.byId(id) ?? own;
  }
  if (own === undefined) return;
  // Newer messages would have no bodies there; they are the next look's.
  const state = own.lastUid === lastUid ? own : { ...own, lastUid };
  const counts = { changed: 0, expunged: 0 };
  function* groups(): Generator<readonly MessageRecord[]> {
    for (const group of run.store.readRecords(id, { ...filter, includeExpunged: true })) {
      const news = group.filter((record) => isNews(record, base) && isInState(record, state));
      for (const record of news) {
        if (record.uid > base.lastUid) continue;
        if (isExpunged(record)) counts.expunged += 1;
        else counts.changed += 1;
      }
      yield news;
    }
  }
  const annotations = [...run.store.annotations.all(state.name)];
  const { since } = options;
  const pieces = mailboxPieces(
    "client",
    ["APPLY", "MAILBOX"],
    { mailbox: state, annotations, since },
    groups(),
  );
  await run.replica.link.room();
  const { answered } = await run.replica.link.sendPieces("APPLY MAILBOX", pieces);
  await answered;
  options.counted(counts);
}

function isInState({ uid, modseq }: MessageRecord, own: Mailbox): boolean {
  return uid <= own.lastUid && modseq <= own.highestModseq;
}

async function uploadBetween(
  run: SyncRun,
  own: Mailbox,
  afterUid: number,
  elsewhere: Elsewhere,
): Promise<void> {
  let some: MessageRecord[] = [];
  const flush = async (): Promise<void> => {
    if (some.length > 0) await upload(run, own, some, elsewhere);
    some = [];
  };
  for (const group of run.store.readRecords(own.id)) {
    for (const record of group) if (record.uid > afterUid && record.uid <= own.lastUid) some.push(record);
    if (some.length >= UPLOAD_MESSAGES) await flush();
  }
  await flush();
}
