/** APPEND: RFC 9051 §6.3.12, several messages at once: RFC 3502. All or none. */
import { Right, type Rights } from "../../store/acl.ts";
import { SystemFlag, type Mailbox } from "../../store/model.ts";
import { printNumbers } from "../../wire/number-set.ts";
import { newMessage, readAppendMessage, type AppendMessage, type MadeBody } from "../append-data.ts";
import { checkAnnotationChanges } from "../annotate/changes.ts";
import { command } from "../command.ts";
import { bad, no } from "../refusal.ts";
import { tryCreate } from "../reply.ts";
import type { Session } from "../session.ts";
import { isSelectable } from "../visible.ts";

/** Messages of one APPEND: they are committed in one transaction. */
const MAX_MESSAGES = 10_000;

export const append = command({
  name: "APPEND",
  state: "authenticated",
  takesMessages: true,
  parse(reader, session) {
    const target = reader.sp().mailbox();
    const messages: AppendMessage[] = [];
    do {
      if (messages.length === MAX_MESSAGES) throw bad("Too many messages at once", "LIMIT");
      messages.push(readAppendMessage(reader, session));
    } while (reader.peekIs(" "));
    return { target, messages };
  },
  async run(session, { target, messages }) {
    const mailbox = appendTarget(session, target);
    const rights = session.rightsOn(mailbox);
    const { system, keywords } = allowedFlags(rights);
    for (const { annotations } of messages) checkAnnotationChanges(annotations, rights);
    const bodies: MadeBody[] = [];
    try {
      for (const message of messages) bodies.push(await makeBody(session, message));
      const result = await session.services.store.append(
        mailbox.id,
        messages.map((message, index) => newMessage(message, bodies[index]!.body, system, keywords)),
        session.by,
      );
      return { code: `APPENDUID ${result.uidValidity} ${printNumbers(result.uids)}` };
    } catch (error) {
      throw tryCreate(error);
    } finally {
      for (const body of bodies) body.release();
    }
  },
});

/** A message of no bytes ends an APPEND without a message: how a client gives up after it named the mailbox. */
export async function makeBody(session: Session, { data }: AppendMessage): Promise<MadeBody> {
  const made = await data(session);
  if (made.body.sizeBytes > 0) return made;
  made.release();
  throw no("Empty message");
}

/** @throws ImapRefusal TRYCREATE when it is not there */
export function appendTarget(session: Session, name: string): Mailbox {
  try {
    const mailbox = session.mailbox(name, Right.insert);
    if (!isSelectable(mailbox)) throw no("Not a mailbox with messages", "CANNOT");
    return mailbox;
  } catch (error) {
    throw tryCreate(error);
  }
}

/** Which flags a message may be born with (RFC 4314 §4). */
export function allowedFlags(rights: Rights): { system: number; keywords: boolean } {
  const write = (rights & Right.write) !== 0;
  return {
    system:
      (rights & Right.keepSeen ? SystemFlag.seen : 0) |
      (rights & Right.deleteMessage ? SystemFlag.deleted : 0) |
      (write ? SystemFlag.answered | SystemFlag.flagged | SystemFlag.draft : 0),
    keywords: write,
  };
}
