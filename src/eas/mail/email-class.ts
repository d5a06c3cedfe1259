/** The class Email of Sync, ItemOperations, Search and Find: MS-ASEMAIL, MS-ASAIRS. */
import type { Clock } from "../../base/io/clock.ts";
import type { Random } from "../../base/io/random.ts";
import type { Log } from "../../base/log.ts";
import type { WbxmlWriter } from "../../wire/wbxml/writer.ts";
import type { ItemState, MailCollection, MailItem } from "../account/port.ts";
import type { Element } from "../element.ts";
import type { BodyOptions, DeviceChange, ItemClass, ItemContext, ItemOrigin } from "../item-class.ts";
import type { ProtocolVersion } from "../version.ts";
import { readBodyOptions } from "./body-options.ts";
import { addDraft, changeDraft, isDraftContent } from "./draft.ts";
import { prepareEmail, type WriteEmail, writeEmailChange } from "./email-item.ts";
import { changeFlags } from "./flag-change.ts";
import { HtmlConverter } from "./html-converter.ts";
import { logMail } from "./mail-data-log.ts";
import type { ReceiptSender } from "./receipts/receipt-sender.ts";

export interface EmailClassPorts {
  readonly clock: Clock;
  readonly random: Random;
  /** Tells senders who asked for it that their mail arrived or was read; undefined = nobody is told. */
  readonly receipts?: ReceiptSender | undefined;
  /** MAIL.DATA: at level trace, every mail as a device gets it. */
  readonly mailData?: Log;
}

/** MS-ASCMD §2.2.3.177.17. */
const OK = 1;
const CONVERSION_ERROR = 6;
const OBJECT_NOT_FOUND = 8;

export class EmailClass implements ItemClass {
  readonly name = "Email";
  readonly converter: HtmlConverter;
  readonly #ports: EmailClassPorts;

  constructor(ports: EmailClassPorts) {
    this.#ports = ports;
    this.converter = new HtmlConverter(ports.clock);
  }

  readOptions(options: Element | undefined, version: ProtocolVersion): BodyOptions {
    return readBodyOptions(options, version);
  }

  async prepare(item: MailItem, context: ItemContext): Promise<WriteEmail> {
    const { receipts, mailData } = this.#ports;
    const write = await prepareEmail(item, context, this.converter, (header) =>
      receipts?.arrived(item, header, context.account),
    );
    if (mailData?.enabled("trace") === true) logMail(mailData, item, context, write);
    return write;
  }

  writeChange(writer: WbxmlWriter, state: ItemState, { version }: ItemContext): void {
    writeEmailChange(writer, state, version);
  }

  async change(
    collection: MailCollection,
    uid: number,
    data: Element,
    context: ItemContext,
  ): Promise<DeviceChange> {
    if (context.version >= 160 && isDraftContent(data)) {
      return changeDraft(collection, uid, data, context, this.#ports);
    }
    const change = await changeFlags(collection, uid, data);
    if (change === "gone") return { status: OBJECT_NOT_FOUND, uid: undefined, modseq: 0 };
    if (change === "invalid") return { status: CONVERSION_ERROR, uid: undefined, modseq: 0 };
    if (change.becameRead) this.#ports.receipts?.wasRead(collection, uid, context.account);
    return { status: OK, uid: undefined, modseq: change.modseq };
  }

  /** Only drafts of 16.x: everything else comes by mail. */
  async add(
    collection: MailCollection,
    data: Element,
    context: ItemContext,
    origin: ItemOrigin,
  ): Promise<DeviceChange> {
    if (context.version < 160) return { status: CONVERSION_ERROR, uid: undefined, modseq: 0 };
    return addDraft(collection, data, context, origin, this.#ports);
  }

  close(): Promise<void> {
    return this.converter.close();
  }
}

/** The class Email among those that are served. */
export function emailOf({ classes }: { readonly classes: readonly ItemClass[] }): EmailClass {
  const email = classes.find((itemClass) => itemClass instanceof EmailClass);
  if (email === undefined) throw new Error("the class Email is not served");
  return email;
}
