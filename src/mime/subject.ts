/** RFC 5256 §2.1: the base subject, by which SORT SUBJECT orders and THREAD groups. */
import { decodeHeader } from "./encoded-word.ts";

export interface BaseSubject {
  /** Decoded, white space collapsed, upper-cased. */
  readonly text: string;
  /** Something that marks a reply or forward was removed. */
  readonly isReplyOrForward: boolean;
}

/** Of a longer subject only the beginning counts. */
const MAX_SUBJECT_CHARACTERS = 4_096;

const BLOB = /^\[[^[\]]*\] */;
/** subj-refwd = ("re" / ("fw" ["d"])) *WSP [subj-blob] ":" */
const REFWD = /^(?:RE|FWD?) *(?:\[[^[\]]*\] *)?:/;
const LEADER = /^ *(?:\[[^[\]]*\] *)*(?:RE|FWD?) *(?:\[[^[\]]*\] *)?:/;
const FWD_HEADER = "[FWD:";

/** `subject` as it stands in the header (Latin-1, unfolded). */
export function baseSubject(subject: string): BaseSubject {
  const cut = subject.length > MAX_SUBJECT_CHARACTERS ? subject.slice(0, MAX_SUBJECT_CHARACTERS) : subject;
  // (1) decode, collapse white space.
  let text = decodeHeader(cut)
    .replace(/[ \t\r\n]+/g, " ")
    .toUpperCase();
  let isReplyOrForward = false;
  for (;;) {
    // (2) trailers: "(fwd)" and white space.
    let end = text.length;
    for (;;) {
      while (end > 0 && text.charCodeAt(end - 1) === 32) end--;
      if (!text.endsWith("(FWD)", end)) break;
      end -= 5;
      isReplyOrForward = true;
    }
    let start = 0;
    for (;;) {
      const before = start;
      const rest = text.slice(start, end);
      // (3) leader: *subj-blob subj-refwd, or white space.
      const leader = LEADER.exec(rest);
      if (leader !== null) {
        start += leader[0].length;
        isReplyOrForward = true;
        continue;
      }
      while (start < end && text.charCodeAt(start) === 32) start++;
      // (4) a blob, unless nothing but it is left.
      const blob = BLOB.exec(text.slice(start, end));
      if (blob !== null && start + blob[0].length < end && !REFWD.test(text.slice(start, end))) {
        start += blob[0].length;
      }
      // (5) until nothing changes.
      if (start === before) break;
    }
    text = text.slice(start, end);
    // (6) "[fwd: … ]" around the whole.
    if (text.startsWith(FWD_HEADER) && text.endsWith("]")) {
      text = text.slice(FWD_HEADER.length, -1);
      isReplyOrForward = true;
      continue;
    }
    return { text, isReplyOrForward };
  }
}
