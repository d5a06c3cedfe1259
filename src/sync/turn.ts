/** Long work goes in slices: between two of them the process serves others, whose sessions never wait for a whole mailbox. */

/** Records that are printed or read at a stretch: some milliseconds. */
export const RECORDS_A_TURN = 256;

/** Everybody else's turn. */
export function turn(): Promise<void> {
  return new Promise((resume) => setImmediate(resume));
}
