/** SmartReply (MS-ASCMD §2.2.1.20) and SmartForward (§2.2.1.19): the original is quoted here, and marked afterwards. */
import { tagOf } from "../../wire/wbxml/code-pages.ts";
import { toUid } from "../../base/numbers.ts";
import type { LastVerb } from "../account/item-marks.ts";
import type { Command, EasAnswer, EasRequest } from "../command.ts";
import type { Element } from "../element.ts";
import { answerMessage } from "../mail/compose/answer.ts";
import { addressField, copyFields } from "../mail/compose/header.ts";
import { completeMessage } from "../mail/compose/outgoing.ts";
import { newBoundary } from "../mail/compose/print-draft.ts";
import { emailOf } from "../mail/email-class.ts";
import { FORWARD, REPLY, REPLY_TO_ALL, verbChange } from "../mail/last-verb.ts";
import { readMailHeader } from "../mail/mail-header.ts";
import { headerEnd } from "../../mime/headers.ts";
import { ComposeRefusal, composeAnswer, identityOf, readSource } from "./compose-mail.ts";
import { type ItemPlace, withItem } from "./find-item.ts";
import type { CommandServices } from "./services.ts";

const FORWARDEES = tagOf("ComposeMail:Forwardees");
const FORWARDEE = tagOf("ComposeMail:Forwardee");
const NAME = tagOf("ComposeMail:Name");
const EMAIL = tagOf("ComposeMail:Email");
const MAX_FORWARDEES = 1_000;

export function smartReply(services: CommandServices): Command {
  return { name: "SmartReply", run: (request) => answer(request, "reply", services) };
}

export function smartForward(services: CommandServices): Command {
  return { name: "SmartForward", run: (request) => answer(request, "forward", services) };
}

async function answer(
  request: EasRequest,
  kind: "reply" | "forward",
  services: CommandServices,
): Promise<EasAnswer> {
  const { clock, random } = services;
  const email = emailOf(services);
  const { account } = request;
  let place: ItemPlace | undefined;
  let verb: LastVerb["verb"] = kind === "forward" ? FORWARD : REPLY;
  return composeAnswer(
    request,
    services,
    async (read) => {
      place = await readSource(request);
      const mime = kind === "forward" ? withForwardees(read.mime, request.root) : read.mime;
      if (kind === "reply" && isToMany(mime)) verb = REPLY_TO_ALL;
      const header = { clock, account, identity: identityOf(request, read) };
      const bytes = await withItem(request, place, (item) =>
        // The device edited the whole: nothing of the original is added (MS-ASCMD §2.2.3.143.2).
        read.replaceMime
          ? Promise.resolve(completeMessage(mime, header))
          : answerMessage(mime, item, {
              kind,
              converter: email.converter,
              boundary: () => newBoundary(random),
              header,
            }),
      );
      if (bytes === undefined) throw new ComposeRefusal("item_not_found", "the item is gone");
      return bytes;
    },
    async () => {
      if (place !== undefined) await mark(request, place, { verb, atMs: clock.nowMs() });
    },
  );
}

/** 16.0: to whom a meeting is forwarded, in the request instead of the message (MS-ASCMD §2.2.3.78). */
function withForwardees(mime: Buffer, root: Element | undefined): Buffer {
  const list = (root?.child(FORWARDEES)?.all(FORWARDEE) ?? []).slice(0, MAX_FORWARDEES);
  if (list.length === 0) return mime;
  const to = addressField(
    "To",
    list.map((one) => ({ name: one.textOf(NAME) ?? "", address: one.textOf(EMAIL) ?? "" })),
  );
  const bodyStart = headerEnd(mime);
  return Buffer.concat([
    Buffer.from(to),
    copyFields(mime, bodyStart, (name) => name === "to"),
    Buffer.from("\r\n"),
    mime.subarray(bodyStart),
  ]);
}

/** A device does not say whether it answers all: more than one who gets the answer says so. */
function isToMany(mime: Buffer): boolean {
  const { to, cc } = readMailHeader(mime.subarray(0, headerEnd(mime)));
  return to.length + cc.length > 1;
}

/** The message is sent: that the original can not be marked does not change it. */
async function mark(request: EasRequest, { folderKey, uid }: ItemPlace, lastVerb: LastVerb): Promise<void> {
  try {
    const collection = await request.account.openMail(folderKey);
    try {
      const [state] = await collection.states([toUid(uid)]);
      if (state !== undefined) await collection.storeFlags([state.uid], verbChange(lastVerb, state));
    } finally {
      collection.release();
    }
  } catch (error) {
    request.log.info("answered message not marked", { err: error });
  }
}
