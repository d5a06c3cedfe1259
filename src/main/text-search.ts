import { toUid, type Uid } from "../base/numbers.ts";
import type { TextSearch as ImapTextSearch } from "../imap/search/text-search.ts";
import type { TextSearch } from "../index/port.ts";
import type { Store } from "../store/port.ts";

/**
 * The text index as IMAP asks for it. Only BODY and TEXT: single fields stand in the summaries, where a scan is as fast.
 * Index and IMAP scan the same text (src/mime/searchable-text.ts), so an exact answer needs no second look.
 */
export function imapTextSearch(index: TextSearch, store: Pick<Store, "open">): ImapTextSearch {
  return {
    async candidates(mailbox, field, needle) {
      if (field !== "body" && field !== "text") return undefined;
      const { uids, exact, indexedTo } = await index.candidates(mailbox, { kind: field, value: needle });
      const view = await store.open(mailbox);
      try {
        const unknown: Uid[] = [];
        for (let at = view.lowerBound(indexedTo + 1); at < view.count; at += 1) {
          unknown.push(toUid(view.uids[at] ?? 0));
        }
        return { uids: Array.from(uids, toUid), exact, unknown };
      } finally {
        view.release();
      }
    },
  };
}
