/**
 * The sync protocol inside IMAP: `S0 SYNCGET …`, `S1 SYNCAPPLY …`, `S2 SYNCRESTART`, tags in front of the last line
 * (Cyrus 3.6.1, observed). An administrator's session that sends its first SYNC command stays here: NOOP and LOGOUT are
 * the only others that a sync client sends.
 */
import type { Timer } from "../base/io/clock.ts";
import type { Connection } from "../base/io/network.ts";
import { DlistReader } from "./codec/reader.ts";
import { type Send, SyncDialogue, type SyncServices } from "./dialogue.ts";
import { type LineCarrier, LineStream } from "./line-stream.ts";
import type { SyncSettings } from "./options.ts";
import type { RecordSpool } from "./record-spool.ts";

const WORDS: Readonly<Record<string, "GET" | "APPLY" | "RESTORE">> = {
  SYNCGET: "GET",
  SYNCAPPLY: "APPLY",
  SYNCRESTORE: "RESTORE",
};

/** Commands that begin a sync dialogue. */
export const SYNC_COMMANDS = [...Object.keys(WORDS), "SYNCRESTART"];

export type TaggedSyncSettings = Pick<SyncSettings, "maxOutputBytes" | "timeoutMs">;

export class TaggedSyncSession {
  readonly #connection: Connection;
  readonly #services: SyncServices;
  readonly #settings: TaggedSyncSettings;
  readonly #dialogue: SyncDialogue;
  readonly #stream: LineStream;
  #lastHeardMs: number;
  #timer: Timer | undefined;

  /** `first`: the line that began it and everything after it. */
  constructor(connection: Connection, services: SyncServices, settings: TaggedSyncSettings, first: Buffer) {
    this.#connection = connection;
    this.#services = services;
    this.#settings = settings;
    this.#lastHeardMs = services.clock.monotonicMs();
    this.#dialogue = new SyncDialogue(services);
    const run: LineCarrier["run"] = (line, records) => this.#run(line, records);
    this.#stream = new LineStream(
      {
        write: (bytes) => connection.write(bytes),
        pause: () => connection.pause(),
        resume: () => connection.resume(),
        waitingOutputBytes: () => connection.bufferedBytes,
        run,
        broken: (reply) => connection.end(`* ${reply}\r\n`),
        crashed(error) {
          services.log.error("session failed", { peer: connection.remoteAddress, err: error });
          connection.destroy();
        },
      },
      this.#dialogue,
      settings.maxOutputBytes,
    );
    connection.onData((chunk) => {
      this.#lastHeardMs = services.clock.monotonicMs();
      this.#stream.push(chunk);
    });
    connection.onDrain(() => this.#stream.drained());
    this.#watchSilence();
    this.#stream.push(first);
  }

  end(): void {
    this.#timer?.cancel();
    this.#stream.end();
  }

  #watchSilence(): void {
    const { clock } = this.#services;
    const { timeoutMs } = this.#settings;
    if (timeoutMs === 0) return;
    this.#timer = clock.setTimer(timeoutMs, () => {
      const silentMs = clock.monotonicMs() - this.#lastHeardMs;
      if (this.#stream.isBusy || silentMs < timeoutMs) this.#watchSilence();
      else this.#connection.end("* BYE silent for too long\r\n");
    });
  }

  async #run(line: Buffer, records: RecordSpool | undefined): Promise<string> {
    const head = /^(\S{1,64}) ([A-Za-z]{1,32})/.exec(line.toString("latin1", 0, 128));
    if (head === null) return "* BAD Invalid tag or command";
    const [whole, tag, name] = head;
    const upper = name!.toUpperCase();
    const word = WORDS[upper];
    if (word !== undefined) {
      const reader = new DlistReader(line, whole.length);
      const send: Send = (pieces) => this.#stream.send(pieces);
      return `${tag} ${await this.#dialogue.run(word, reader, send, records)}`;
    }
    if (upper === "SYNCRESTART") {
      this.#dialogue.restart();
      return `${tag} OK Restarting`;
    }
    if (upper === "NOOP") return `${tag} OK Completed`;
    if (upper === "LOGOUT") {
      this.#connection.end(`* BYE LOGOUT received\r\n${tag} OK Completed\r\n`);
      return "";
    }
    return `${tag} BAD Only SYNC commands after the first`;
  }
}
