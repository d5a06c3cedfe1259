/** Segments that are open for reading; one that is being read is closed after the read. */
import { Lru } from "../base/lru.ts";
import type { BodyFile, BodyFiles } from "../base/io/body-files.ts";

const MAX_OPEN = 128;

interface OpenSegment {
  readonly file: Promise<BodyFile>;
  readers: number;
  isEvicted: boolean;
}

export class SegmentFiles {
  readonly #files: BodyFiles;
  readonly #pathOf: (partition: string, segment: number) => string;
  readonly #open: Lru<number, OpenSegment>;

  constructor(files: BodyFiles, pathOf: (partition: string, segment: number) => string) {
    this.#files = files;
    this.#pathOf = pathOf;
    this.#open = new Lru({
      maxEntries: MAX_OPEN,
      onEvict: (segment) => {
        segment.isEvicted = true;
        closeUnused(segment);
      },
    });
  }

  async read(partition: string, segment: number, buffer: Uint8Array, offset: number): Promise<number> {
    let open = this.#open.get(segment);
    if (open === undefined) {
      open = { file: this.#files.openRead(this.#pathOf(partition, segment)), readers: 0, isEvicted: false };
      this.#open.set(segment, open);
    }
    open.readers++;
    try {
      return await (await open.file).read(buffer, offset);
    } catch (error) {
      if (this.#open.peek(segment) === open) this.#open.delete(segment);
      throw error;
    } finally {
      open.readers--;
      closeUnused(open);
    }
  }

  close(): void {
    this.#open.clear();
  }
}

function closeUnused(segment: OpenSegment): void {
  if (!segment.isEvicted || segment.readers > 0) return;
  segment.isEvicted = false;
  segment.file.then(
    (file) => file.close(),
    () => {
      // It never opened.
    },
  );
}
