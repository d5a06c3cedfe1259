/** A row of table mailboxes as header values, and header values as a `Mailbox`. */
import type { Modseq } from "../base/numbers.ts";
import type { Mailbox } from "./model.ts";
import { nameOfSortKey } from "./names.ts";
import { NUMBER_COLUMNS, NUMBER_FIELDS, type HeaderNumbers, type HeaderStatics } from "./header-values.ts";

export type MailboxRow = Readonly<Record<string, string | number | null>>;

const COLUMNS = NUMBER_COLUMNS.map((column) => column.replaceAll('"', ""));

export function mailboxFromRow(row: MailboxRow): { statics: HeaderStatics; numbers: HeaderNumbers } {
  const numbers: Partial<HeaderNumbers> = {};
  NUMBER_FIELDS.forEach((field, i) => (numbers[field] = row[COLUMNS[i]!] as number));
  const list = (column: string) => JSON.parse(row[column] as string) as never;
  return {
    statics: {
      id: row["id"] as number,
      name: nameOfSortKey(row["key"] as string),
      uniqueId: row["unique_id"] as string,
      type: row["type"] as HeaderStatics["type"],
      intermediate: row["intermediate"] === 1,
      partition: row["partition"] as string,
      acl: list("acl"),
      specialUse: list("special_use"),
      options: list("options"),
      quotaRoot: (row["quota_root"] as string | null) ?? undefined,
      keywords: list("keywords"),
    },
    numbers: numbers as HeaderNumbers,
  };
}

export function packNumbers(numbers: HeaderNumbers): Float64Array {
  const packed = new Float64Array(NUMBER_FIELDS.length);
  for (let i = 0; i < NUMBER_FIELDS.length; i++) packed[i] = numbers[NUMBER_FIELDS[i]!];
  return packed;
}

export function unpackNumbers(packed: Float64Array): HeaderNumbers {
  const numbers: Partial<HeaderNumbers> = {};
  for (let i = 0; i < NUMBER_FIELDS.length; i++) numbers[NUMBER_FIELDS[i]!] = packed[i]!;
  return numbers as HeaderNumbers;
}

/** A mailbox as the session thread holds it, with what only the store needs of it. */
export interface KnownMailbox extends Mailbox {
  readonly commit: number;
  /** How many message annotations it has: none = no need to look. */
  readonly annotations: number;
  readonly quarantined: number;
}

export function toMailbox(statics: HeaderStatics, numbers: HeaderNumbers): KnownMailbox {
  return {
    ...statics,
    ...numbers,
    highestModseq: numbers.highestModseq as Modseq,
    createdModseq: numbers.createdModseq as Modseq,
    folderModseq: numbers.folderModseq as Modseq,
    deletedModseq: numbers.deletedModseq as Modseq,
  };
}
