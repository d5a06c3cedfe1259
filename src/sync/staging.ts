/**
 * Message bodies that the peer has sent and not yet filed: by GUID, until RESTART or the end of the session. Small ones
 * are kept in memory by the store's staging, large ones in its files.
 */
import type { BodyWriter, StagedBody, Store } from "../store/port.ts";
import type { FileHeader, FileSink } from "./codec/framer.ts";
import { RecordSpool } from "./record-spool.ts";
import { SyncRefusal } from "./reply.ts";

/** Bodies staged at one time: Cyrus sends 1,024 a command and RESTART after each user. */
export const MAX_STAGED_MESSAGES = 131_072;
export const MAX_STAGED_BYTES = 4 * 2 ** 30;
/** Bytes on their way to the staging files; above it the peer has to wait. */
const MAX_BACKLOG_BYTES = 8 * 2 ** 20;
/** Bodies up to this size are collected here and staged in one piece. */
const SMALL_BYTES = 256 * 1024;

export class Staging {
  readonly #store: Pick<Store, "stage" | "stageBuffer">;
  readonly #bodies = new Map<string, StagedBody>();
  #bytes = 0;
  #backlogBytes = 0;
  #writing: Promise<void> = Promise.resolve();
  #failure: Error | undefined;

  constructor(store: Pick<Store, "stage" | "stageBuffer">) {
    this.#store = store;
  }

  find(guid: string): StagedBody | undefined {
    return this.#bodies.get(guid);
  }

  /** True while more should not be read from the peer. */
  get isBehind(): boolean {
    return this.#backlogBytes > MAX_BACKLOG_BYTES;
  }

  /** Takes one body; what goes wrong is told by `settled`. The GUID is believed: the store checks it when it is filed. */
  open(header: FileHeader): FileSink {
    if (this.#bodies.size >= MAX_STAGED_MESSAGES || this.#bytes + header.sizeBytes > MAX_STAGED_BYTES) {
      this.#failure ??= new SyncRefusal("NO Too many messages are staged");
      return { write() {}, end() {} };
    }
    this.#bytes += header.sizeBytes;
    return header.sizeBytes <= SMALL_BYTES ? this.#collect(header) : this.#stream(header);
  }

  /** Takes the records of a long line; whoever runs the line releases them. */
  spool(): RecordSpool {
    return new RecordSpool(this.#store, (bytes, work) => this.#enqueue(bytes, work, () => {}));
  }

  /** Resolves when every body so far is staged. @throws what went wrong, once */
  async settled(): Promise<void> {
    await this.#writing;
    const failure = this.#failure;
    this.#failure = undefined;
    if (failure !== undefined) throw failure;
  }

  /** Resolves when the disk has caught up; what went wrong is told by `settled`. */
  idle(): Promise<void> {
    return this.#writing;
  }

  restart(): void {
    for (const body of this.#bodies.values()) body.release();
    this.#bodies.clear();
    this.#bytes = 0;
    this.#failure = undefined;
  }

  #collect(header: FileHeader): FileSink {
    const bytes = Buffer.allocUnsafeSlow(header.sizeBytes);
    let at = 0;
    return {
      write(chunk) {
        at += chunk.copy(bytes, at);
      },
      end: () => this.#keep(header.guid, this.#store.stageBuffer(bytes)),
    };
  }

  #stream(header: FileHeader): FileSink {
    const writer: BodyWriter = this.#store.stage(header.sizeBytes);
    const run = (bytes: number, work: () => Promise<void>): void =>
      this.#enqueue(bytes, work, () => writer.discard());
    return {
      write: (chunk) => run(chunk.length, () => writer.write(Buffer.from(chunk))),
      end: () => run(0, async () => this.#keep(header.guid, await writer.finish())),
    };
  }

  #enqueue(bytes: number, work: () => Promise<void>, failed: () => void): void {
    this.#backlogBytes += bytes;
    this.#writing = this.#writing.then(async () => {
      try {
        if (this.#failure === undefined) await work();
      } catch (error) {
        this.#failure ??= error as Error;
        failed();
      } finally {
        this.#backlogBytes -= bytes;
      }
    });
  }

  #keep(guid: string, body: StagedBody): void {
    this.#bodies.get(guid)?.release();
    this.#bodies.set(guid, body);
  }
}
