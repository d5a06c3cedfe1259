/** Attributes that come from the mailbox's columns: RFC 9051 §6.4.5, RFC 7162 §3.1.4, RFC 8474, RFC 8514. */
import { printDateTime } from "../codec/date.ts";
import type { Session } from "../session.ts";
import { plainAttribute, viewItem, type FetchAttribute } from "./item.ts";

export const uidItem = viewItem((out, { uid }) => out.ascii("UID ").number(uid));

export const flagsItem = viewItem((out, { selected, index, uid }) => {
  out.ascii("FLAGS ");
  selected.writeFlags(index, uid);
  selected.note(uid, selected.view.modseqs[index]!);
});

export const modseqItem = viewItem((out, { selected, index }) =>
  out.ascii("MODSEQ (").number(selected.view.modseqs[index]!).ascii(")"),
);

export const internalDateItem = viewItem((out, { selected, index }) =>
  out.ascii(`INTERNALDATE "${printDateTime(selected.view.internalDates[index]!)}"`),
);

export const sizeItem = viewItem((out, { selected, index }) =>
  out.ascii("RFC822.SIZE ").number(selected.view.sizes[index]!),
);

export const columnAttributes: readonly FetchAttribute[] = [
  plainAttribute("UID", uidItem),
  plainAttribute("FLAGS", flagsItem),
  plainAttribute("INTERNALDATE", internalDateItem),
  plainAttribute("RFC822.SIZE", sizeItem),
  {
    name: "MODSEQ",
    parse(_reader, session: Session) {
      // A CONDSTORE enabling command: RFC 7162 §3.1.
      session.enableCondstore();
      return modseqItem;
    },
  },
  plainAttribute(
    "EMAILID",
    viewItem((out, { selected, index }) => out.ascii(`EMAILID (${selected.view.guid(index)})`)),
  ),
  plainAttribute(
    "THREADID",
    viewItem((out, { selected, index }) => {
      const threadId = selected.view.threadId(index);
      out.ascii(threadId === "" ? "THREADID NIL" : `THREADID (${threadId})`);
    }),
  ),
  plainAttribute(
    "SAVEDATE",
    viewItem((out, { selected, index }) => {
      const saved = selected.view.saveDates[index]!;
      out.ascii(saved === 0 ? "SAVEDATE NIL" : `SAVEDATE "${printDateTime(saved)}"`);
    }),
  ),
];
