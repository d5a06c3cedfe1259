/** GetAttachment: MS-ASCMD §2.2.1.9; 12.1 and 14.0. What cannot be had is a 500 there. */
import type { Command, EasAnswer } from "../command.ts";
import { AttachmentContents } from "../mail/attachment-content.ts";
import { parseFileReference } from "../mail/file-reference.ts";
import { EasRefusal } from "../status.ts";
import { placeOfFile, withItem } from "./find-item.ts";

const NOT_THERE: EasAnswer = { kind: "http", status: 500, text: "the attachment is not there" };

export function getAttachment(): Command {
  const contents = new AttachmentContents();
  return {
    name: "GetAttachment",
    async run(request) {
      if (request.version > 140) {
        throw new EasRefusal("command_not_supported", "GetAttachment was replaced by ItemOperations");
      }
      const reference = parseFileReference(request.parameters.get("AttachmentName") ?? "");
      if (reference === undefined) return NOT_THERE;
      const { path } = reference;
      const place = await placeOfFile(request, reference);
      if (place === undefined) return NOT_THERE;
      const content = await withItem(request, place, (item) => contents.read(item, path));
      if (content === undefined) return NOT_THERE;
      request.summary.outFetch += 1;
      return { kind: "bytes", ...content };
    },
  };
}
