/** A small kvlist with plain values, read whole: everything but MAILBOX. */
import type { DlistReader } from "./codec/reader.ts";
import { SyncRefusal, SyncReply } from "./reply.ts";

export interface Fields {
  has(key: string): boolean;
  /** @throws SyncRefusal bad parameters when the key is missing */
  text(key: string): string;
  number(key: string): number;
  bytes(key: string): Buffer;
  texts(key: string): readonly string[];
}

export function readFields(reader: DlistReader): Fields {
  const values = new Map<string, DlistReader>();
  reader.kvlist((key, value) => {
    values.set(key, value.fork());
    value.skip();
  });
  reader.end();
  const at = (key: string): DlistReader => {
    const value = values.get(key);
    if (value === undefined) throw new SyncRefusal(SyncReply.badParameters);
    return value.fork();
  };
  return {
    has: (key) => values.has(key),
    text: (key) => at(key).text(),
    number: (key) => at(key).number(),
    bytes: (key) => at(key).bytes(),
    texts(key) {
      const list: string[] = [];
      at(key).list((item) => void list.push(item.text()));
      return list;
    },
  };
}
