/**
 * The text dialect of the first Cyrus replication (S5.5–S5.18), replica's side: lines in, lines out, for use over SSH,
 * whose keys are the only authentication. Command words in any case. UIDs, GUIDs, flags, dates and ACLs become equal;
 * modseqs are this side's own. It knows no renames, deletes of folders or annotations: docs/protocols/text-dialect.md.
 */
import type { Connection } from "../../base/io/network.ts";
import { SyncProtocolError } from "../codec/errors.ts";
import { MAX_LINE_BYTES } from "../codec/framer.ts";
import { DlistReader } from "../codec/reader.ts";
import type { SyncServices } from "../dialogue.ts";
import { LineStream } from "../line-stream.ts";
import { replyTo } from "../reply.ts";
import { textTable } from "./commands/table.ts";
import { TextDialogue } from "./text-dialogue.ts";

export const TEXT_GREETING = "* Sync Server v0.0 [EXPERIMENTAL]";
/** Answers that the peer has not read before the session waits for it. */
const MAX_OUTPUT_BYTES = 8 * 1024 * 1024;

export class TextSession {
  readonly #connection: Connection;
  readonly #services: SyncServices;
  readonly #dialogue: TextDialogue;
  readonly #stream: LineStream;

  constructor(connection: Connection, services: SyncServices, closed: () => void = () => {}) {
    this.#connection = connection;
    this.#services = services;
    this.#dialogue = new TextDialogue(services);
    this.#stream = new LineStream(
      {
        write: (bytes) => connection.write(bytes),
        pause: () => connection.pause(),
        resume: () => connection.resume(),
        waitingOutputBytes: () => connection.bufferedBytes,
        run: (line) => this.#run(line),
        broken: (reply) => connection.end(`${reply}\r\n`),
        crashed(error) {
          services.log.error("session failed", { err: error });
          connection.destroy();
        },
      },
      {
        openFile() {
          throw new SyncProtocolError("a literal is needed");
        },
        isBehind: false,
        idle: () => Promise.resolve(),
        restart: () => this.#dialogue.endUser(),
      },
      MAX_OUTPUT_BYTES,
      MAX_LINE_BYTES,
    );
    connection.onData((chunk) => this.#stream.push(chunk));
    connection.onDrain(() => this.#stream.drained());
    connection.onClose(() => {
      this.#stream.end();
      closed();
    });
    connection.write(`${TEXT_GREETING}\r\n`);
  }

  shutDown(): void {
    this.#connection.end("BYE shutting down\r\n");
  }

  async #run(line: Buffer): Promise<string> {
    const [word] = line.toString("latin1", 0, 32).toUpperCase().split(" ", 1);
    if (word === undefined || word === "") return "BAD A command is needed";
    if (word === "EXIT") {
      this.#connection.end("OK Finished\r\n");
      return "";
    }
    const command = textTable.get(word);
    if (command === undefined) return "BAD Unrecognized command";
    const { user, hasFolder } = this.#dialogue;
    if (command.needs !== "nothing" && user === undefined) return "NO Say USER_SOME first";
    if (command.needs === "folder" && !hasFolder) return "NO SELECT a folder first";
    try {
      const reader = new DlistReader(line, word.length);
      return await command.run(this.#dialogue, reader, (pieces) => this.#stream.send(pieces));
    } catch (error) {
      const reply = error instanceof SyncProtocolError ? `BAD ${error.message}` : replyTo(error);
      if (reply !== undefined) return reply.replaceAll(/[\r\n]/g, " ");
      this.#services.log.error("command failed", { err: error });
      return "NO Unknown error";
    }
  }
}
