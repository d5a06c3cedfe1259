/** Large literals on their way from the source: digested as they come, in the target's staging instead of memory. */
import { createHash } from "node:crypto";
import { StoreError } from "../../store/errors.ts";
import type { LiteralSink } from "../../imap/client-command.ts";
import type { Guid } from "../../store/model.ts";
import type { BodyWriter, StagedBody } from "../../store/port.ts";

/** In the place of a message that the target would refuse: its bytes are read past. */
export class TooBigBody implements StagedBody {
  readonly sizeBytes: number;
  constructor(sizeBytes: number) {
    this.sizeBytes = sizeBytes;
  }
  read(): Promise<Buffer> {
    return Promise.reject(new Error("a message that is too big was not kept"));
  }
  release(): void {}
}

export class LiteralSpool {
  readonly #guids = new WeakMap<StagedBody, Guid>();
  readonly #stage: (sizeBytes: number) => BodyWriter;
  readonly #maxMessageBytes: number | undefined;

  constructor(stage: (sizeBytes: number) => BodyWriter, maxMessageBytes: number | undefined) {
    this.#stage = stage;
    this.#maxMessageBytes = maxMessageBytes;
  }

  sinkFor(sizeBytes: number): LiteralSink {
    if (this.#maxMessageBytes !== undefined && sizeBytes > this.#maxMessageBytes) {
      return {
        write() {},
        finish: () => Promise.resolve(new TooBigBody(sizeBytes)),
        discard() {},
      };
    }
    const writer = this.#stage(sizeBytes);
    const hash = createHash("sha1");
    let isTooBig = false;
    return {
      write: async (chunk) => {
        if (isTooBig) return;
        hash.update(chunk);
        try {
          await writer.write(chunk);
        } catch (error) {
          // The target's own limit: the message is skipped, the connection goes on.
          if (!(error instanceof StoreError) || error.code !== "message_too_big") throw error;
          isTooBig = true;
          writer.discard();
        }
      },
      finish: async () => {
        if (isTooBig) return new TooBigBody(sizeBytes);
        const body = await writer.finish();
        this.#guids.set(body, hash.digest("hex"));
        return body;
      },
      discard: () => writer.discard(),
    };
  }

  guidOf(body: StagedBody): Guid {
    return this.#guids.get(body) ?? "";
  }
}
