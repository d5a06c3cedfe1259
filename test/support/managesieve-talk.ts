import assert from "node:assert/strict";
import type { Connection } from "../../src/base/io/network.ts";
import { systemNetwork } from "../../src/base/io/system-network.ts";

/** A ManageSieve client by hand: sends lines and waits for the end of each answer. */
export class ManagesieveTalk {
  readonly #connection: Connection;
  #text = "";
  #waiter: (() => void) | undefined;

  /** Over STARTTLS. */
  static async login(
    { host, port }: { readonly host: string; readonly port: number },
    user: string,
    password: string,
  ): Promise<ManagesieveTalk> {
    const connection = await systemNetwork.connect({ host, port, tls: { verify: false } });
    const talk = new ManagesieveTalk(connection);
    assert.match(await talk.say(""), /^OK/);
    assert.match(await talk.say("STARTTLS"), /^OK/);
    await connection.startTls();
    assert.match(await talk.say(""), /^OK/);
    assert.match(await talk.authenticate(user, password), /^OK/);
    return talk;
  }

  constructor(connection: Connection) {
    this.#connection = connection;
    connection.onData((chunk) => {
      this.#text += chunk.toString("utf8");
      this.#waiter?.();
    });
    connection.onClose(() => this.#waiter?.());
  }

  authenticate(user: string, password: string): Promise<string> {
    const response = Buffer.from(`\0${user}\0${password}`).toString("base64");
    return this.say(`AUTHENTICATE "PLAIN" "${response}"`);
  }

  putScript(name: string, script: string): Promise<string> {
    return this.say(`PUTSCRIPT "${name}" {${Buffer.byteLength(script)}+}\r\n${script}`);
  }

  /** "" sends nothing: only the next answer is wanted. */
  async say(line: string): Promise<string> {
    if (line !== "") this.#connection.write(`${line}\r\n`);
    for (;;) {
      const answer = /^(?:[^]*?\n)?((?:OK|NO|BYE)[^\n]*\r\n)/.exec(this.#text);
      if (answer !== null) {
        this.#text = this.#text.slice(answer[0].length);
        return answer[1] ?? "";
      }
      await new Promise<void>((resolve) => {
        this.#waiter = resolve;
      });
    }
  }
}
