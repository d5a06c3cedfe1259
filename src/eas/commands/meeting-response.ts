/**
 * MeetingResponse: MS-ASCMD §2.2.1.11. The invitation is found, the organizer is told where the device leaves that to the
 * server (SendResponse of 16.0; older devices send mail), and each request has its result. The calendar entry comes with
 * the calendar room; until then an invitation that was declined goes to the trash, and one that was accepted stays, since
 * it is the only place where the meeting stands.
 */
import { toUid } from "../../base/numbers.ts";
import { tagOf } from "../../wire/wbxml/code-pages.ts";
import { WbxmlWriter } from "../../wire/wbxml/writer.ts";
import { AccountError, type MailItem, type OutgoingMessage } from "../account/port.ts";
import type { Command, EasAnswer, EasRequest } from "../command.ts";
import type { Element } from "../element.ts";
import { layOut } from "../mail/layout.ts";
import { htmlToText } from "../../mime/html-text.ts";
import { base } from "../mail/email-tags.ts";
import { type MailHeader, readMailHeader } from "../mail/mail-header.ts";
import { partText } from "../mail/mail-text.ts";
import { parseMeeting } from "../mail/meeting/read-meeting.ts";
import { type MeetingAnswer, printReply } from "../mail/meeting/reply.ts";
import { MessageSource } from "../mail/message-source.ts";
import { readParts } from "../mail/part.ts";
import { answeredMeeting } from "./answered-meeting.ts";
import { type ItemPlace, parseLongId, placeOf, withItem } from "./find-item.ts";
import type { CommandServices } from "./services.ts";

const ROOT = tagOf("MeetingResponse:MeetingResponse");
const REQUEST = tagOf("MeetingResponse:Request");
const RESULT = tagOf("MeetingResponse:Result");
const STATUS = tagOf("MeetingResponse:Status");
const REQUEST_ID = tagOf("MeetingResponse:RequestId");
const USER_RESPONSE = tagOf("MeetingResponse:UserResponse");
const SEND_RESPONSE = tagOf("MeetingResponse:SendResponse");
const INSTANCE_ID = tagOf("MeetingResponse:InstanceId");
const LONG_ID = tagOf("Search:LongId");

/** MS-ASCMD §2.2.3.177.9. */
const OK = 1;
const INVALID_REQUEST = 2;
const MAILBOX_ERROR = 3;
const DECLINED = 3;
const MAX_REQUESTS = 100;
/** MS-ASAIRS §2.2.2.41. */
const HTML = "2";

export function meetingResponse(services: Pick<CommandServices, "clock" | "random">): Command {
  return {
    name: "MeetingResponse",
    async run(request): Promise<EasAnswer> {
      const requests = request.root?.all(REQUEST) ?? [];
      const writer = new WbxmlWriter().start(ROOT);
      if (request.root?.tag !== ROOT || requests.length === 0 || requests.length > MAX_REQUESTS) {
        writer.start(RESULT).text(STATUS, INVALID_REQUEST).end();
      }
      for (const one of requests.slice(0, MAX_REQUESTS)) {
        const requestId = one.textOf(REQUEST_ID) ?? one.textOf(LONG_ID) ?? "";
        const status = await respond(request, one, requestId, services);
        writer.start(RESULT);
        if (requestId !== "") writer.text(REQUEST_ID, requestId);
        writer.text(STATUS, status).end();
      }
      return { kind: "wbxml", bytes: writer.end().finish() };
    },
  };
}

async function respond(
  request: EasRequest,
  one: Element,
  requestId: string,
  services: Pick<CommandServices, "clock" | "random">,
): Promise<number> {
  const answer = one.numberOf(USER_RESPONSE);
  if (answer !== 1 && answer !== 2 && answer !== DECLINED) return INVALID_REQUEST;
  try {
    const place =
      one.child(LONG_ID) === undefined ? await placeOf(request, requestId) : parseLongId(requestId);
    if (place === undefined) return INVALID_REQUEST;
    const send = request.version >= 160 ? one.child(SEND_RESPONSE) : undefined;
    const instance = one.textOf(INSTANCE_ID) ?? "";
    const known = await answeredMeeting(request, requestId, [String(answer), instance, ...writtenIn(send)]);
    if (known.isRepeated) return OK;
    const invitation = await withItem(request, place, readInvitation);
    if (invitation === undefined || invitation === "none") return INVALID_REQUEST;
    if (send !== undefined) {
      await tellOrganizer(request, invitation, answer, send, { ...services, onceKey: known.onceKey });
    }
    await known.answered();
    if (answer === DECLINED) await throwAway(request, place);
    return OK;
  } catch (error) {
    if (!(error instanceof AccountError)) throw error;
    request.log.warn("meeting not answered", { err: error });
    return MAILBOX_ERROR;
  }
}

interface Invitation {
  readonly text: string;
  readonly header: MailHeader;
}

async function readInvitation(item: MailItem): Promise<Invitation | "none"> {
  const source = new MessageSource(item);
  const { calendar } = layOut(await readParts(source));
  if (calendar === undefined) return "none";
  const header = readMailHeader(await source.read(0, source.root.bodyStart));
  const text = await partText(source, calendar);
  return parseMeeting(text, header)?.method === "REQUEST" ? { text, header } : "none";
}

async function tellOrganizer(
  { account }: EasRequest,
  { text, header }: Invitation,
  answer: MeetingAnswer,
  send: Element,
  {
    clock,
    random,
    onceKey,
  }: Pick<CommandServices, "clock" | "random"> & Required<Pick<OutgoingMessage, "onceKey">>,
): Promise<void> {
  const [type, written = ""] = writtenIn(send);
  const reply = printReply(text, {
    answer,
    account,
    header,
    comment: type === HTML ? htmlToText(written) : written,
    nowMs: clock.nowMs(),
    id: random.bytes(16).toString("hex"),
  });
  if (reply === undefined) return;
  await account.send({ bytes: reply.bytes, recipients: [reply.recipient], saveInSent: true, onceKey });
}

/** Type and text of what the user writes to the organizer. */
function writtenIn(send: Element | undefined): readonly string[] {
  const body = send?.child(base.body);
  return send === undefined ? [] : [body?.textOf(base.type) ?? "", body?.textOf(base.data) ?? ""];
}

/** The answer was given: an invitation that cannot be taken away does not change it. */
async function throwAway({ account, log }: EasRequest, { folderKey, uid }: ItemPlace): Promise<void> {
  try {
    const trash = (await account.folders()).find(({ use }) => use === "trash");
    if (trash === undefined || trash.key === folderKey) return;
    const collection = await account.openMail(folderKey);
    try {
      await collection.move([toUid(uid)], trash.key);
    } finally {
      collection.release();
    }
  } catch (error) {
    log.info("declined invitation stays", { err: error });
  }
}
