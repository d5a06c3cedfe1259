/**
 * An LMTP client (RFC 2033): for gateways that pass mail on, for tests and for load. Pipelines whatever the server
 * allows: a message of any number of recipients is two round trips, one with BDAT.
 *
 * One message at a time; what is refused is an answer, only a lost or broken peer is an error.
 */
import type { Connection } from "../base/io/network.ts";
import { stuffDots } from "../wire/dot-writer.ts";
import { printPath } from "./codec/path.ts";
import { type Response, ResponseReader } from "../wire/response-reader.ts";

/** More replies than recipients that a server lets us name are not meant for us. */
const MAX_EARLY_RESPONSES = 100_000;

export interface OutgoingMessage {
  /** "" = the null reverse-path. */
  readonly sender: string;
  readonly recipients: readonly string[];
  readonly body: Buffer;
  /** Sends the body as one BDAT chunk (RFC 3030), byte for byte; DATA otherwise. */
  readonly chunked?: boolean;
  /** Added to RCPT, e.g. "IGNOREQUOTA". */
  readonly recipientParameters?: string;
}

/** The server's answer for each recipient: to RCPT when it refused it there, else after the message. */
export interface SendResult {
  /** In the order of the recipients; a refusal of MAIL FROM stands for each of them. */
  readonly recipients: readonly Response[];
  readonly accepted: number;
}

export class LmtpClient {
  readonly #connection: Connection;
  readonly #reader = new ResponseReader();
  readonly #waiting: { resolve: (response: Response) => void; reject: (error: Error) => void }[] = [];
  /** Replies that came before somebody waited: those of a message arrive together. */
  readonly #early: Response[] = [];
  #extensions: ReadonlyMap<string, string> = new Map();
  #failure: Error | undefined;

  constructor(connection: Connection) {
    this.#connection = connection;
    connection.onData((chunk) => this.#receive(chunk));
    connection.onClose((error) => this.#fail(error ?? new Error("The LMTP server closed the connection")));
  }

  /** Reads the greeting and says LHLO. @throws Error when the server does not want us */
  async open(ownName: string): Promise<void> {
    const greeting = await this.#next();
    if (greeting.code !== 220) throw new Error(`The LMTP server refuses: ${printResponse(greeting)}`);
    await this.hello(ownName);
  }

  /** STARTTLS, then LHLO again (RFC 3207 §4.2). The connection was made with `tls`. */
  async startTls(ownName: string): Promise<void> {
    const response = await this.command("STARTTLS");
    if (response.code !== 220)
      throw new Error(`The LMTP server refuses STARTTLS: ${printResponse(response)}`);
    await this.#connection.startTls();
    await this.hello(ownName);
  }

  /** LHLO. */
  async hello(ownName: string): Promise<void> {
    const response = await this.command(`LHLO ${ownName}`);
    if (response.code !== 250) throw new Error(`The LMTP server refuses LHLO: ${printResponse(response)}`);
    this.#extensions = new Map(
      response.lines.slice(1).map((line) => {
        const [keyword = "", ...rest] = line.split(" ");
        return [keyword.toUpperCase(), rest.join(" ")];
      }),
    );
  }

  /** Keyword → parameters, as LHLO answered. */
  get extensions(): ReadonlyMap<string, string> {
    return this.#extensions;
  }

  /** One command, one reply. */
  command(line: string): Promise<Response> {
    this.#connection.write(`${line}\r\n`);
    return this.#next();
  }

  async send(message: OutgoingMessage): Promise<SendResult> {
    const { recipients, body } = message;
    const lines = this.#envelopeLines(message);
    const chunked = message.chunked === true && this.#extensions.has("CHUNKING");
    const replies = [...lines, "begin"].map(() => this.#next());
    if (chunked) {
      this.#connection.write(`${lines.join("\r\n")}\r\nBDAT ${body.length} LAST\r\n`);
      this.#connection.write(body);
    } else {
      this.#connection.write(`${lines.join("\r\n")}\r\nDATA\r\n`);
    }
    const [mail, ...rest] = await Promise.all(replies);
    const begin = rest.pop();
    if (mail === undefined || begin === undefined) throw new Error("The LMTP server gave too few replies");
    const answers = mail.code === 250 ? rest : recipients.map(() => mail);
    const accepted = answers.flatMap((answer, index) => (answer.code === 250 ? [index] : []));
    if (!chunked) {
      if (begin.code !== 354) {
        if (accepted.length > 0)
          return this.#giveUp(recipients.map((_, index) => refusal(answers[index], begin)));
        return this.#giveUp(answers);
      }
      for (const piece of stuffDots(body)) this.#connection.write(piece);
    }
    return this.#collect(answers, accepted, chunked ? begin : undefined);
  }

  async quit(): Promise<void> {
    const bye = this.command("QUIT").catch(() => undefined);
    await bye;
    this.#connection.end();
  }

  #envelopeLines(message: OutgoingMessage): string[] {
    const parameters: string[] = [];
    if (this.#extensions.has("SIZE")) parameters.push(`SIZE=${message.body.length}`);
    if (message.chunked === true && this.#extensions.has("BINARYMIME")) parameters.push("BODY=BINARYMIME");
    else if (this.#extensions.has("8BITMIME")) parameters.push("BODY=8BITMIME");
    const addresses = [message.sender, ...message.recipients];
    if (addresses.some((address) => /[^\x00-\x7f]/.test(address))) parameters.push("SMTPUTF8");
    const more = message.recipientParameters === undefined ? "" : ` ${message.recipientParameters}`;
    return [
      ["MAIL", `FROM:${printPath(message.sender)}`, ...parameters].join(" "),
      ...message.recipients.map((address) => `RCPT TO:${printPath(address)}${more}`),
    ];
  }

  /** Reads the reply of each accepted recipient; `first` is one that has come already. */
  async #collect(
    answers: readonly Response[],
    accepted: readonly number[],
    first: Response | undefined,
  ): Promise<SendResult> {
    const final = [...answers];
    // RFC 2033 §4.2: no recipient, no message; the server refused DATA or the chunk.
    if (accepted.length === 0) return this.#giveUp(final);
    const replies = [first ?? (await this.#next())];
    while (replies.length < accepted.length) replies.push(await this.#next());
    for (const [order, index] of accepted.entries()) {
      const reply = replies[order];
      if (reply !== undefined) final[index] = reply;
    }
    return { recipients: final, accepted: final.filter(({ code }) => code === 250).length };
  }

  async #giveUp(recipients: readonly Response[]): Promise<SendResult> {
    await this.command("RSET");
    return { recipients, accepted: 0 };
  }

  #next(): Promise<Response> {
    const early = this.#early.shift();
    if (early !== undefined) return Promise.resolve(early);
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
  }

  #receive(chunk: Buffer): void {
    try {
      for (const response of this.#reader.read(chunk)) {
        const waiting = this.#waiting.shift();
        if (waiting !== undefined) waiting.resolve(response);
        else this.#early.push(response);
        if (this.#early.length > MAX_EARLY_RESPONSES)
          throw new Error("The LMTP server does not stop talking");
      }
    } catch (error) {
      this.#fail(error instanceof Error ? error : new Error(String(error)));
      this.#connection.destroy();
    }
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    for (const { reject } of this.#waiting.splice(0)) reject(this.#failure);
  }
}

export function printResponse(response: Response): string {
  return `${response.code} ${response.lines.join(" / ")}`;
}

/** What a recipient gets when the server refused DATA itself. */
function refusal(answer: Response | undefined, begin: Response): Response {
  return answer === undefined || answer.code === 250 ? begin : answer;
}
