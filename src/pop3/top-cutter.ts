const LF = 10;
const CR = 13;

/** Finds where the header with its blank line and then so many lines of the body end, in data that come in pieces. */
export class TopCutter {
  #linesLeft: number;
  #inHeader = true;
  /** Whether the line that is being read has nothing but, maybe, a CR so far. */
  #lineIsEmpty = true;

  constructor(bodyLines: number) {
    this.#linesLeft = bodyLines;
  }

  /** The offset behind the last wanted byte, or -1 when more is wanted. */
  read(piece: Buffer): number {
    let at = 0;
    while (at < piece.length) {
      const end = piece.indexOf(LF, at);
      const until = end < 0 ? piece.length : end;
      if (this.#inHeader && this.#lineIsEmpty) {
        const only = until - at === 1 && piece[at] === CR;
        if (until > at && !only) this.#lineIsEmpty = false;
      }
      if (end < 0) return -1;
      at = end + 1;
      if (this.#inHeader) {
        if (this.#lineIsEmpty) this.#inHeader = false;
        this.#lineIsEmpty = true;
      } else this.#linesLeft -= 1;
      if (!this.#inHeader && this.#linesLeft === 0) return at;
    }
    return -1;
  }
}
