import { fold } from "../../mime/fold.ts";
import type { SearchKey } from "../search/key.ts";
import { viewMatcher } from "../search/matcher.ts";
import { bad } from "../refusal.ts";
import { readAttributes, readEntryMatch } from "./entry.ts";
import { visibleAnnotations } from "./visible.ts";

/** SEARCH ANNOTATION entry attribute value: RFC 5257 §4.4. A substring, case folded; NIL finds what has no value. */
export const annotationKey: SearchKey = {
  name: "ANNOTATION",
  parse({ reader, session }) {
    const match = readEntryMatch(reader.sp());
    const attributes = readAttributes(reader.sp());
    if (attributes[0]?.kind !== "value") throw bad("Only values can be searched");
    const scopes = new Set(attributes.map(({ scope }) => scope));
    const wanted = reader.sp().nstring();
    const needle = wanted === undefined ? undefined : fold(wanted);
    return viewMatcher(({ target, uid }) => {
      const values = visibleAnnotations(session, target.id, uid).filter(
        ({ entry, userId }) => scopes.has(userId === "" ? "shared" : "priv") && match.matches(entry),
      );
      if (needle === undefined) return values.length === 0;
      return values.some(({ value }) => fold(value.toString("utf8")).includes(needle));
    });
  },
};
