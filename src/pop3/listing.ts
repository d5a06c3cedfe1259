import type { Pop3Session } from "./session.ts";

/** Lines written before the reader's pace is looked at and other sessions get their turn. */
const LINES_A_STEP = 4_096;

/** A line for each message that is not marked as deleted, then the final dot; 100,000 of them never block the process. */
export async function writeListing(
  session: Pop3Session,
  title: string,
  writeLine: (number: number) => void,
): Promise<undefined> {
  const { maildrop, out } = session;
  out.ascii(`+OK ${title}\r\n`);
  for (let number = 1; number <= maildrop.count; number += 1) {
    if (maildrop.has(number)) writeLine(number);
    if (number % LINES_A_STEP === 0) {
      if (!(await session.hasRoom())) return;
      await new Promise((resolve) => setImmediate(resolve));
      if (session.ended) return;
    }
  }
  out.ascii(".\r\n");
}
