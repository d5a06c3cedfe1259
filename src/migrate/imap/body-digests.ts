/** Reads every message of the selected folder and digests it, without keeping any in memory. */
import { createHash } from "node:crypto";
import type { ImapClient } from "../../imap/client.ts";
import type { LiteralSink } from "../../imap/client-command.ts";
import { ok } from "../../imap/client-connect.ts";
import type { StagedBody } from "../../store/port.ts";
import { type FetchedValues, readFetched } from "../../imap/client-fetch.ts";
import type { TargetMessage } from "./target.ts";

/** Digested messages that wait for the reader; above it the connection is not read. */
const MAX_WAITING = 1000;
/** Smaller ones are digested from memory. */
const SINK_FROM_BYTES = 64 * 1024;

/** A literal of which only the digest is kept. */
export class DigestedBody implements StagedBody {
  readonly sizeBytes: number;
  readonly guid: string;

  constructor(sizeBytes: number, guid: string) {
    this.sizeBytes = sizeBytes;
    this.guid = guid;
  }

  read(): Promise<Buffer> {
    return Promise.reject(new Error("only the digest was kept"));
  }
  release(): void {}
}

export function digestSink(): LiteralSink {
  const hash = createHash("sha1");
  let sizeBytes = 0;
  return {
    write(chunk) {
      hash.update(chunk);
      sizeBytes += chunk.length;
    },
    finish: () => Promise.resolve(new DigestedBody(sizeBytes, hash.digest("hex"))),
    discard() {},
  };
}

export function digestOf({ uid, body }: FetchedValues): TargetMessage | undefined {
  if (body === undefined) return undefined;
  if (body instanceof DigestedBody) return { uid, sizeBytes: body.sizeBytes, guid: body.guid };
  if (!Buffer.isBuffer(body)) return undefined;
  return { uid, sizeBytes: body.length, guid: createHash("sha1").update(body).digest("hex") };
}

export class BodyDigests {
  readonly #client: ImapClient;

  constructor(client: ImapClient) {
    this.#client = client;
  }

  /** Messages that the server does not give out are left out. @throws ImapClientError */
  async *all(set = "1:*"): AsyncGenerator<TargetMessage> {
    const client = this.#client;
    const waiting: TargetMessage[] = [];
    let wake = (): void => {};
    let isDone = false;
    client.onLiteral(({ sizeBytes }) => (sizeBytes >= SINK_FROM_BYTES ? digestSink() : undefined));
    const answered = client.command(`UID FETCH ${set} (UID BODY.PEEK[])`, {
      untagged: (response) => {
        if (response.name !== "FETCH") return false;
        const message = digestOf(readFetched(response.arguments()));
        if (message !== undefined) waiting.push(message);
        if (waiting.length >= MAX_WAITING) client.hold();
        wake();
        return true;
      },
    });
    const ended = answered.finally(() => {
      isDone = true;
      wake();
    });
    ended.catch(() => undefined);
    try {
      for (;;) {
        yield* waiting.splice(0);
        client.readOn();
        if (waiting.length > 0) continue;
        if (isDone) break;
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      // A NO names messages that cannot be read: they are missing from what was told.
      const result = await ended;
      if (result.status === "BAD") ok(result, "UID FETCH BODY[]");
    } finally {
      client.onLiteral(() => undefined);
      client.readOn();
    }
  }
}
