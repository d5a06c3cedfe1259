import type { Pop3Session } from "./session.ts";

/** What most headers fit in: TOP of a large message needs no more. */
const FIRST_PIECE_BYTES = 65_536;
/** A large message and a slow reader need no more memory than this. */
const PIECE_BYTES = 1_048_576;

/**
 * Says +OK and gives `take` the message piece by piece until it answers false; false when the session ended meanwhile.
 * @throws StoreError when not even the beginning can be read
 */
export async function readPieces(
  session: Pop3Session,
  number: number,
  title: string,
  take: (piece: Buffer) => boolean,
): Promise<boolean> {
  const { maildrop, out, ports } = session;
  const uid = maildrop.uid(number);
  const { id } = maildrop.mailbox;
  const sizeBytes = maildrop.sizeBytes(number);
  let piece = await ports.store.readBody(id, uid, { offset: 0, length: FIRST_PIECE_BYTES });
  if (session.ended) return false;
  out.ascii(`+OK ${title}\r\n`);
  let offset = 0;
  while (take(piece)) {
    offset += piece.length;
    if (offset >= sizeBytes || piece.length === 0) break;
    if (!(await session.hasRoom())) return false;
    try {
      piece = await ports.store.readBody(id, uid, { offset, length: PIECE_BYTES });
    } catch (error) {
      session.cut(error);
    }
    if (session.ended) return false;
  }
  return true;
}
