/** REPLACE and UID REPLACE: RFC 8508: a message in the place of another, in one step; also into another mailbox. */
import type { Uid } from "../../base/numbers.ts";
import { requireRights } from "../../store/access.ts";
import { Right } from "../../store/acl.ts";
import { StoreError } from "../../store/errors.ts";
import type { AppendResult } from "../../store/port.ts";
import { newMessage, readAppendMessage } from "../append-data.ts";
import { STAR } from "../codec/reader.ts";
import { checkAnnotationChanges } from "../annotate/changes.ts";
import { command, type CommandCall } from "../command.ts";
import { bad, no } from "../refusal.ts";
import { tryCreate } from "../reply.ts";
import type { Session } from "../session.ts";
import { allowedFlags, appendTarget, makeBody } from "./append.ts";

export const replace = command({
  name: "REPLACE",
  state: "selected",
  uid: true,
  takesMessages: true,
  parse(reader, session) {
    const number = reader.sp().skip("*") ? STAR : reader.nzNumber();
    const target = reader.sp().mailbox();
    return { number, target, message: readAppendMessage(reader, session) };
  },
  async run(session, { number, target, message }, call) {
    const { selected } = session;
    const { store } = session.services;
    if (selected.readOnly) throw no("Mailbox is read-only", "READ-ONLY");
    // What APPEND, STORE +FLAGS \Deleted and EXPUNGE need together (RFC 8508 §5).
    requireRights(selected.mailbox, session.accessor, Right.deleteMessage | Right.expunge);
    const uid = messageToReplace(session, number, call);
    const mailbox = appendTarget(session, target);
    const rights = session.rightsOn(mailbox);
    const { system, keywords } = allowedFlags(rights);
    checkAnnotationChanges(message.annotations, rights);
    const made = await makeBody(session, message);
    let result: AppendResult;
    try {
      const replacement = newMessage(message, made.body, system, keywords);
      result = await store.replace(selected.id, uid, mailbox.id, replacement, session.by);
    } catch (error) {
      throw error instanceof StoreError && error.code === "message_not_found" ? gone() : tryCreate(error);
    } finally {
      made.release();
    }
    // Before EXPUNGE and EXISTS are told (RFC 8508 §3.1).
    session.untagged(`OK [APPENDUID ${result.uidValidity} ${result.uids[0]}] Replacement message ready`);
    return session.enabled.has("QRESYNC")
      ? { code: `HIGHESTMODSEQ ${selected.mailbox.highestModseq}` }
      : undefined;
  },
});

function messageToReplace(session: Session, number: number, { by }: CommandCall): Uid {
  const { selected } = session;
  const last = selected.count;
  if (by === "sequence" || number === STAR) {
    const sequence = number === STAR ? last : number;
    if (sequence < 1 || sequence > last) throw bad("No message with that number");
    return selected.uidAt(sequence);
  }
  if (selected.sequenceOf(number) === 0) throw gone();
  return number as Uid;
}

function gone(): ReturnType<typeof no> {
  return no("The message to replace is gone", "EXPUNGEISSUED");
}
