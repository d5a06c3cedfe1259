import type { MessageAnnotation } from "../../store/model.ts";
import type { Output } from "../../wire/output.ts";
import { writeAstring, writeBytes } from "../codec/writer.ts";
import type { FetchAttribute } from "../fetch/item.ts";
import { readAttributes, readEntryMatch, readOneOrList, type Attribute } from "./entry.ts";
import { visibleAnnotations } from "./visible.ts";

/** FETCH (ANNOTATION (entries attributes)): RFC 5257 §4.3. */
export const annotationAttribute: FetchAttribute = {
  name: "ANNOTATION",
  parse(reader) {
    reader.sp().expect("(");
    const matches = readOneOrList(reader, readEntryMatch);
    const attributes = readOneOrList(reader.sp(), readAttributes).flat();
    reader.expect(")");
    return {
      needs: "view",
      write(out, message) {
        const annotations = visibleAnnotations(message.session, message.selected.id, message.uid);
        const entries = new Set(annotations.map(({ entry }) => entry));
        const named = new Set<string>();
        for (const match of matches) {
          if (match.exact !== undefined) named.add(match.exact);
          else for (const entry of entries) if (match.matches(entry)) named.add(entry);
        }
        out.ascii("ANNOTATION (");
        let between = "";
        for (const entry of named) {
          out.ascii(between);
          writeEntry(out, entry, attributes, annotations);
          between = " ";
        }
        out.ascii(")");
      },
    };
  },
};

/** `/comment (value.priv "x" value.shared NIL)`. */
function writeEntry(
  out: Output,
  entry: string,
  attributes: readonly Attribute[],
  annotations: readonly MessageAnnotation[],
): void {
  writeAstring(out, entry);
  let before = " (";
  for (const { name, kind, scope } of attributes) {
    const found = annotations.find(
      (annotation) => annotation.entry === entry && (annotation.userId === "") === (scope === "shared"),
    );
    out.ascii(`${before}${name} `);
    if (kind === "size") out.ascii(`"${found?.value.length ?? 0}"`);
    else if (found === undefined) out.ascii("NIL");
    else writeBytes(out, found.value);
    before = " ";
  }
  out.ascii(")");
}
