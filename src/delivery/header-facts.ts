import { HeaderScanner } from "../mime/headers.ts";

/** What delivery has to know of a header. */
export interface HeaderFacts {
  /** Resent-Message-ID, else Message-ID, as Cyrus takes it for duplicates; "" = none. */
  readonly messageId: string;
  readonly receivedCount: number;
}

/** No real one is longer; a longer one counts as none. */
const MAX_MESSAGE_ID_LENGTH = 1_000;

/** One pass over the header; strings are made only of the fields asked for. */
export function readHeaderFacts(head: Buffer): HeaderFacts {
  const scanner = new HeaderScanner(head, 0, head.length);
  let messageId = "";
  let resent = "";
  let receivedCount = 0;
  while (scanner.next()) {
    switch (scanner.nameEnd - scanner.start) {
      case "received".length:
        if (scanner.name().toLowerCase() === "received") receivedCount += 1;
        break;
      case "message-id".length:
        if (messageId === "" && scanner.name().toLowerCase() === "message-id") messageId = scanner.value();
        break;
      case "resent-message-id".length:
        if (resent === "" && scanner.name().toLowerCase() === "resent-message-id") resent = scanner.value();
        break;
      default:
    }
  }
  const id = resent === "" ? messageId : resent;
  return { messageId: id.length > MAX_MESSAGE_ID_LENGTH ? "" : id, receivedCount };
}
