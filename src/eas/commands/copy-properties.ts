/** Properties of an item as they are, or only those that a Schema names (MS-ASCMD §2.2.3.158). */
import { type Tag, tagOf } from "../../wire/wbxml/code-pages.ts";
import { WbxmlWriter } from "../../wire/wbxml/writer.ts";
import { type Element, parseElement } from "../element.ts";
import type { TakePart, WriteEmail } from "../mail/email-item.ts";

const ANY_ROOT = tagOf("ItemOperations:Properties");
/** Octets, which were written as such. */
const OPAQUE_TAGS: ReadonlySet<Tag> = new Set([
  tagOf("Email2:ConversationId"),
  tagOf("Email2:ConversationIndex"),
]);

export function writeProperties(
  writer: WbxmlWriter,
  write: WriteEmail,
  schema: ReadonlySet<Tag> | undefined,
  takePart: TakePart | undefined,
): void {
  if (schema === undefined) {
    write(writer, takePart);
    return;
  }
  const all = new WbxmlWriter().start(ANY_ROOT);
  write(all, takePart);
  for (const element of parseElement(all.end().finish()).children) {
    if (schema.has(element.tag)) copy(writer, element);
  }
}

function copy(writer: WbxmlWriter, element: Element): void {
  const { tag, children, content } = element;
  if (children.length === 0 && content.length === 0) {
    writer.empty(tag);
    return;
  }
  writer.start(tag);
  for (const child of children) copy(writer, child);
  if (content.length > 0) {
    if (OPAQUE_TAGS.has(tag)) writer.opaque(content);
    else writer.inlineBytes(content);
  }
  writer.end();
}
