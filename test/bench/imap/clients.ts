/** IMAP and LMTP on a `Link`: as little as the scenarios need. */
import { type Answer, Link } from "./link.ts";

/** Where a server listens, and who its users are. */
export interface Target {
  readonly name: string;
  readonly host: string;
  readonly imapPort: number;
  readonly lmtpPort: number;
  /** "@example.test", or empty where addresses are user names. */
  readonly addressSuffix: string;
  readonly password: string;
}

export class ImapClient {
  readonly link: Link;
  #lastTag = 0;

  private constructor(link: Link) {
    this.link = link;
  }

  static async open(target: Target): Promise<ImapClient> {
    const link = await Link.open(target.host, target.imapPort);
    await link.expect("* OK");
    return new ImapClient(link);
  }

  static async login(target: Target, user: string): Promise<ImapClient> {
    const client = await ImapClient.open(target);
    await client.run(`LOGIN ${user} ${target.password}`);
    return client;
  }

  /** Sends a command and waits for OK. */
  async run(command: string): Promise<Answer> {
    return this.send(command);
  }

  async runAndCollect(command: string): Promise<Buffer> {
    const answer = await this.send(command, undefined, true);
    return answer.collected ?? Buffer.alloc(0);
  }

  /** @param more follows the command at once: literals with LITERAL+ */
  async send(command: string, more?: readonly Buffer[], collect = false): Promise<Answer> {
    // Random enough to stand in no message.
    const tag = `~q${++this.#lastTag}`;
    const answered = this.link.expect(`${tag} `, collect);
    if (more === undefined) this.link.write(`${tag} ${command}\r\n`);
    else {
      this.link.cork();
      this.link.write(`${tag} ${command}`);
      for (const part of more) this.link.write(part);
      this.link.write("\r\n");
      this.link.uncork();
    }
    const answer = await answered;
    if (!answer.line.startsWith(`${tag} OK`)) throw new Error(`${command.slice(0, 200)}: ${answer.line}`);
    return answer;
  }

  /** Runs it and takes any answer. */
  async attempt(command: string): Promise<boolean> {
    try {
      await this.run(command);
      return true;
    } catch (error) {
      if (error instanceof Error && /: ~q\d+ NO/.test(error.message)) return false;
      throw error;
    }
  }

  close(): void {
    this.link.close();
  }
}

export class LmtpClient {
  readonly link: Link;
  readonly #suffix: string;

  private constructor(link: Link, suffix: string) {
    this.link = link;
    this.#suffix = suffix;
  }

  static async open(target: Target): Promise<LmtpClient> {
    const link = await Link.open(target.host, target.lmtpPort);
    link.refusalsHaveCodes = true;
    await link.expect("220 ");
    link.write("LHLO bench.example\r\n");
    await link.expect("250 ");
    return new LmtpClient(link, target.addressSuffix);
  }

  /** Envelope in one write, then the message: as an MTA with PIPELINING does. Resolves at the last recipient's 250. */
  async deliver(message: Buffer, recipients: readonly string[]): Promise<Answer> {
    const { link } = this;
    const rcpts = recipients.map((user) => `RCPT TO:<${user}${this.#suffix}>\r\n`).join("");
    const go = link.expect("354 ");
    link.write(`MAIL FROM:<sender@bench.example>\r\n${rcpts}DATA\r\n`);
    await go;
    const answers = recipients.map(() => link.expect("250 "));
    link.cork();
    link.write(message);
    link.write(".\r\n");
    link.uncork();
    const all = await Promise.all(answers);
    return all[all.length - 1]!;
  }

  close(): void {
    this.link.close();
  }
}
