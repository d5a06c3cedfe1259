/** Logger MAIL.DATA (S2.68): a decoded mail as a device gets it, text and all; for somebody who looks for a fault. */
import type { Log } from "../../base/log.ts";
import { tagOf } from "../../wire/wbxml/code-pages.ts";
import { WbxmlWriter } from "../../wire/wbxml/writer.ts";
import type { MailItem } from "../account/port.ts";
import type { ItemContext } from "../item-class.ts";
import { printWbxml } from "../logs/print-wbxml.ts";
import type { WriteEmail } from "./email-item.ts";

const APPLICATION_DATA = tagOf("AirSync:ApplicationData");

export function logMail(
  log: Log,
  item: MailItem,
  { account, collectionId }: ItemContext,
  write: WriteEmail,
): void {
  const writer = new WbxmlWriter().start(APPLICATION_DATA);
  write(writer);
  log.trace(`mail\n${printWbxml(writer.end().finish(), "full")}`, {
    user: account.userId,
    item: `${collectionId}:${item.uid}`,
    sizeBytes: item.sizeBytes,
  });
}
