/** COPY: RFC 9051 §6.4.7; MOVE: §6.4.8 (RFC 6851); their UID forms: §6.4.9. All or nothing. */
import { requireRights } from "../../store/access.ts";
import { Right } from "../../store/acl.ts";
import { printNumbers } from "../../wire/number-set.ts";
import type { Reader, SequenceSet } from "../codec/reader.ts";
import { command, type CommandCall, type Completion } from "../command.ts";
import { no } from "../refusal.ts";
import { tryCreate } from "../reply.ts";
import type { Session } from "../session.ts";

interface CopyArguments {
  readonly set: SequenceSet;
  readonly target: string;
}

export const copy = command({
  name: "COPY",
  state: "selected",
  uid: true,
  parse: parseCopy,
  run: (session, parsed, call) => copyOrMove(session, parsed, call, false),
});

export const move = command({
  name: "MOVE",
  state: "selected",
  uid: true,
  expunges: true,
  parse: parseCopy,
  run: (session, parsed, call) => copyOrMove(session, parsed, call, true),
});

function parseCopy(reader: Reader): CopyArguments {
  return { set: reader.sp().sequenceSet(), target: reader.sp().mailbox() };
}

async function copyOrMove(
  session: Session,
  { set, target }: CopyArguments,
  { by, name }: CommandCall,
  isMove: boolean,
): Promise<Completion> {
  const { selected } = session;
  const { store } = session.services;
  // RFC 4314 §4: MOVE needs what COPY, STORE +FLAGS \Deleted and EXPUNGE need.
  requireRights(
    selected.mailbox,
    session.accessor,
    isMove ? Right.read | Right.deleteMessage | Right.expunge : Right.read,
  );
  if (isMove && selected.readOnly) throw no("Mailbox is read-only", "READ-ONLY");
  const uids = selected.resolve(set, by);
  let result;
  try {
    const mailbox = session.mailbox(target, Right.insert);
    if (uids.length === 0) return { text: `${name} completed, no messages` };
    result = await store.copy(selected.id, uids, mailbox.id, { move: isMove }, session.by);
  } catch (error) {
    throw tryCreate(error);
  }
  if (result.sourceUids.length === 0) return { code: "EXPUNGEISSUED", text: "The messages are gone" };
  // COPYUID is sent even to clients that never asked for it: RFC 4315 §3.
  const code = `COPYUID ${result.uidValidity} ${printNumbers(result.sourceUids)} ${printNumbers(result.targetUids)}`;
  if (!isMove) return { code };
  // RFC 6851 §4.3: before the EXPUNGE responses.
  session.untagged(`OK [${code}] Moved`);
  return session.enabled.has("QRESYNC")
    ? { code: `HIGHESTMODSEQ ${selected.mailbox.highestModseq}` }
    : undefined;
}
