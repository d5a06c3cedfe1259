/**
 * FETCH and UID FETCH: RFC 9051 §6.4.5 and §6.4.9, with CHANGEDSINCE (RFC 7162 §3.1.4.1), VANISHED (§3.2.6)
 * and PARTIAL (RFC 9394 §3.3).
 */
import { toModseq, type Modseq, type Uid } from "../../base/numbers.ts";
import { Right } from "../../store/acl.ts";
import { SystemFlag } from "../../store/model.ts";
import type { Reader } from "../codec/reader.ts";
import { command, type CommandCall } from "../command.ts";
import { readFetchItems } from "../fetch/attributes.ts";
import { flagsItem, modseqItem, uidItem } from "../fetch/columns.ts";
import { writeFetch } from "../fetch/engine.ts";
import { changeInPieces } from "../flag-pieces.ts";
import { bad } from "../refusal.ts";
import { partOf, readPartialRange, type PartialRange } from "../search/partial.ts";
import type { Session } from "../session.ts";
import { tellVanished } from "../vanished.ts";

interface FetchModifiers {
  readonly changedSince: Modseq | undefined;
  readonly vanished: boolean;
  readonly partial: PartialRange | undefined;
}

export const fetch = command({
  name: "FETCH",
  state: "selected",
  uid: true,
  holdsExpunges: true,
  parse(reader, session, call) {
    const set = reader.sp().sequenceSet();
    const items = readFetchItems(reader.sp(), session);
    const modifiers = readModifiers(reader, session, call);
    return { set, items, modifiers };
  },
  async run(session, { set, items, modifiers }, { by, name }) {
    const { selected } = session;
    let uids = selected.resolve(set, by);
    const { changedSince, partial } = modifiers;
    // RFC 9394 §3.4: first the range, then what changed in it.
    if (partial !== undefined) uids = partOf(uids, partial);
    if (modifiers.vanished) await tellVanished(session, set.ranges, changedSince!);
    if (changedSince !== undefined) {
      const { view } = selected;
      uids = uids.filter((uid) => {
        const index = view.indexOf(uid);
        return index >= 0 && view.modseqs[index]! > changedSince;
      });
    }
    // RFC 9051 §6.4.9: UID FETCH answers carry the UID, asked for or not.
    if (by === "uid" && !items.includes(uidItem)) items.unshift(uidItem);
    if (changedSince !== undefined && !items.includes(modseqItem)) items.push(modseqItem);
    // RFC 7162 §3.1.3: once CONDSTORE is on, flags come with their modseq.
    else if (session.condstore && items.includes(flagsItem) && !items.includes(modseqItem))
      items.push(modseqItem);
    if (items.some((item) => item.setsSeen === true)) await markSeen(session, uids);
    const missed = await writeFetch(session, uids, items);
    return missed > 0
      ? { code: "EXPUNGEISSUED", text: `${name} completed, some messages are gone` }
      : undefined;
  },
});

/** SP "(" fetch-modifier *(SP fetch-modifier) ")". */
function readModifiers(reader: Reader, session: Session, call: CommandCall): FetchModifiers {
  let changedSince: Modseq | undefined;
  let vanished = false;
  let partial: PartialRange | undefined;
  if (!reader.skipSpaceAnd("(")) return { changedSince, vanished, partial };
  do {
    const name = reader.keyword();
    if (name === "CHANGEDSINCE") {
      changedSince = toModseq(Math.min(reader.sp().number64(), Number.MAX_SAFE_INTEGER));
      session.enableCondstore();
    } else if (name === "VANISHED") vanished = true;
    else if (name === "PARTIAL") partial = readPartialRange(reader.sp());
    else throw bad(`Unknown FETCH modifier "${name}"`);
  } while (reader.skip(" "));
  reader.expect(")");
  // RFC 7162 §3.2.6
  if (vanished && (call.by !== "uid" || changedSince === undefined || !session.enabled.has("QRESYNC"))) {
    throw bad("VANISHED needs UID FETCH, CHANGEDSINCE and QRESYNC");
  }
  // RFC 9394 §3.3
  if (partial !== undefined && call.by !== "uid") throw bad("PARTIAL needs UID FETCH");
  return { changedSince, vanished, partial };
}

/** The flags that change so are told at the end of the command. */
async function markSeen(session: Session, uids: readonly Uid[]): Promise<void> {
  const { selected, user } = session;
  if (selected.readOnly || (selected.rights & Right.keepSeen) === 0) return;
  const { view } = selected;
  const unseen = uids.filter((uid) => {
    const index = view.indexOf(uid);
    return index >= 0 && !view.isSeenBy(user, index);
  });
  if (unseen.length === 0) return;
  const change = { mode: "add", systemFlags: SystemFlag.seen, keywords: [] } as const;
  for await (const _piece of changeInPieces(session, unseen, change)) if (session.ended) return;
}
