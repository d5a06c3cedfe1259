/** Comparators: RFC 4790 §9 (octet, ascii-casemap, ascii-numeric), RFC 5051 (unicode-casemap). */
export interface Comparator {
  readonly name: string;
  /** Equal folded texts are equal; `contains`, `matches` and `regex` work on folded text. */
  fold(text: string): string;
  /** Order for `:value`; negative, 0 or positive. */
  compare(left: string, right: string): number;
  /** :contains and :matches make no sense for numbers (RFC 4790 §9.1.1). */
  readonly substring: boolean;
  readonly ignoresCase: boolean;
}

const byCodePoint = (left: string, right: string): number =>
  left === right ? 0 : Buffer.compare(Buffer.from(left), Buffer.from(right));

/** Only a-z change; text that is all ASCII, nearly every header, goes the fast way. */
function asciiUpper(text: string): string {
  if (!/[^\x00-\x7f]/.test(text)) return text.toUpperCase();
  return text.replace(/[a-z]+/g, (letters) => letters.toUpperCase());
}
const unicodeFold = (text: string): string => text.normalize("NFKD").toUpperCase();

/** Leading digits; anything else is positive infinity. */
function leadingNumber(text: string): bigint | undefined {
  const digits = /^\d+/.exec(text)?.[0];
  return digits === undefined ? undefined : BigInt(digits);
}

export const comparators: ReadonlyMap<string, Comparator> = new Map(
  [
    {
      name: "i;octet",
      fold: (text: string) => text,
      compare: byCodePoint,
      substring: true,
      ignoresCase: false,
    },
    {
      name: "i;ascii-casemap",
      fold: asciiUpper,
      compare: (left: string, right: string) => byCodePoint(asciiUpper(left), asciiUpper(right)),
      substring: true,
      ignoresCase: true,
    },
    {
      name: "i;unicode-casemap",
      fold: unicodeFold,
      compare: (left: string, right: string) => byCodePoint(unicodeFold(left), unicodeFold(right)),
      substring: true,
      ignoresCase: true,
    },
    {
      name: "i;ascii-numeric",
      fold: (text: string) => leadingNumber(text)?.toString() ?? "infinity",
      compare(left: string, right: string) {
        const [one, two] = [leadingNumber(left), leadingNumber(right)];
        if (one === two) return 0;
        if (one === undefined) return 1;
        if (two === undefined) return -1;
        return one < two ? -1 : 1;
      },
      substring: false,
      ignoresCase: false,
    },
  ].map((comparator) => [comparator.name, comparator] as const),
);
