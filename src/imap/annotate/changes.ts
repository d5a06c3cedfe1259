/** `ANNOTATION (entry (attribute value …) …)` of STORE and APPEND: RFC 5257 §4.5, §4.6. */
import { Right, type Rights } from "../../store/acl.ts";
import type { AnnotationChange } from "../../store/port.ts";
import type { Reader } from "../codec/reader.ts";
import { bad, no } from "../refusal.ts";
import type { Session } from "../session.ts";
import { MAX_ENTRIES_ASKED, readAttributes, readEntry } from "./entry.ts";

/** Announced by SELECT (ANNOTATE); what the store takes. */
export const MAX_ANNOTATION_BYTES = 65_536;
/** Annotations of one message that one user can see. */
export const MAX_ANNOTATIONS = 100;

/** Behind the word ANNOTATION and its space. */
export function readAnnotationChanges(reader: Reader, session: Session): AnnotationChange[] {
  const changes: AnnotationChange[] = [];
  reader.expect("(");
  do {
    const entry = readEntry(reader);
    reader.sp().expect("(");
    do {
      const [attribute, another] = readAttributes(reader);
      const value = reader.sp().nstringBytes();
      // RFC 5257 §4.5: only values, each by its whole name.
      if (attribute === undefined || another !== undefined || attribute.kind !== "value") {
        throw bad("Only value.priv and value.shared can be set");
      }
      changes.push({ entry, userId: attribute.scope === "shared" ? "" : session.user, value });
      if (changes.length > MAX_ENTRIES_ASKED) throw bad("Too many entries");
    } while (reader.skip(" "));
    reader.expect(")");
  } while (reader.skip(" "));
  reader.expect(")");
  return changes;
}

/** RFC 5257 §3.4: own annotations need r, shared ones n. @throws ImapRefusal NOPERM, ANNOTATE TOOBIG, ANNOTATE TOOMANY */
export function checkAnnotationChanges(changes: readonly AnnotationChange[], rights: Rights): void {
  for (const { userId, value } of changes) {
    const needed = userId === "" ? Right.annotate : Right.read;
    if ((rights & needed) === 0) throw no(`Needs the right ${userId === "" ? "n" : "r"}`, "NOPERM");
    if ((value?.length ?? 0) > MAX_ANNOTATION_BYTES) throw no("Annotation too long", "ANNOTATE TOOBIG");
  }
  if (changes.length > MAX_ANNOTATIONS) throw no("Too many annotations", "ANNOTATE TOOMANY");
}
