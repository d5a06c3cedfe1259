/** A segment: the words of some messages of one mailbox, headers and bodies apart. Immutable; merged, never changed. */
import { Section, SectionBuilder } from "./section.ts";
import { searchableText } from "../mime/searchable-text.ts";
import type { Plan } from "./words.ts";

export interface SegmentBytes {
  /** u32 little-endian each, ascending. */
  readonly uids: Buffer;
  readonly header: Buffer;
  readonly body: Buffer;
}

export class SegmentBuilder {
  readonly #uids: number[] = [];
  readonly #header = new SectionBuilder();
  readonly #body = new SectionBuilder();

  get count(): number {
    return this.#uids.length;
  }

  /** UIDs in ascending order. */
  addMessage(uid: number, bytes: Buffer): void {
    const document = this.#uids.length;
    this.#uids.push(uid);
    const text = searchableText(bytes);
    this.#header.addText(text.header, document);
    for (const part of text.body) this.#body.addText(part, document);
  }

  /** Adds what `segment` knows of the messages that are still `live` (all when undefined). */
  addSegment(segment: Segment, live?: ReadonlySet<number>): void {
    const numbers = new Int32Array(segment.uids.length).fill(-1);
    for (let index = 0; index < segment.uids.length; index++) {
      const uid = segment.uids[index]!;
      if (live !== undefined && !live.has(uid)) continue;
      numbers[index] = this.#uids.length;
      this.#uids.push(uid);
    }
    this.#header.addSection(segment.header, numbers);
    this.#body.addSection(segment.body, numbers);
  }

  finish(): SegmentBytes {
    const uids = Buffer.alloc(this.#uids.length * 4);
    for (let index = 0; index < this.#uids.length; index++) uids.writeUInt32LE(this.#uids[index]!, index * 4);
    return { uids, header: this.#header.finish(), body: this.#body.finish() };
  }
}

export class Segment {
  readonly uids: Uint32Array;
  readonly header: Section;
  readonly body: Section;
  readonly sizeBytes: number;

  constructor(bytes: SegmentBytes) {
    this.uids = new Uint32Array(bytes.uids.length / 4);
    for (let index = 0; index < this.uids.length; index++)
      this.uids[index] = bytes.uids.readUInt32LE(index * 4);
    this.header = new Section(bytes.header);
    this.body = new Section(bytes.body);
    this.sizeBytes = bytes.uids.length + bytes.header.length + bytes.body.length;
  }

  /** UIDs of the messages that hold every piece, in the places that `kind` looks at. */
  find(plan: Plan, kind: "text" | "body" | "header", take: (uid: number) => void): void {
    const found = new Uint8Array(this.uids.length);
    let needed = 0;
    for (const piece of plan.pieces) {
      const marks = new Uint8Array(this.uids.length);
      let unmarked = marks.length;
      if (kind !== "body") unmarked = this.header.mark(piece, marks, unmarked);
      if (kind !== "header") this.body.mark(piece, marks, unmarked);
      needed++;
      for (let index = 0; index < marks.length; index++) found[index]! += marks[index]!;
    }
    for (let index = 0; index < found.length; index++) if (found[index] === needed) take(this.uids[index]!);
  }
}
