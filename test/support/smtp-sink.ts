/** Other mail hosts over pipes: takes or refuses mail as the test wants. */
import type { ConnectOptions, Connection, Listener, Network } from "../../src/base/io/network.ts";
import { DotReader } from "../../src/wire/dot-reader.ts";
import { InputBuffer } from "../../src/wire/input-buffer.ts";
import { PipeEnd } from "./pipe.ts";

export interface TakenMail {
  readonly host: string;
  readonly sender: string;
  readonly recipient: string;
  readonly text: string;
  readonly tls: boolean;
}

export class SmtpSink implements Network {
  readonly mails: TakenMail[] = [];
  readonly connects: string[] = [];
  readonly commands: string[] = [];
  extensions: readonly string[] = ["8BITMIME", "SIZE 1000000"];
  /** Hosts that cannot be reached. */
  readonly down = new Set<string>();
  tlsBroken = false;
  /** Answers by command and argument; undefined = the usual one; "" = none at all. */
  answer: (command: string, argument: string, host: string) => string | undefined = () => undefined;

  listen(): Promise<Listener> {
    return Promise.reject(new Error("nobody listens here"));
  }

  async connect({ host }: ConnectOptions): Promise<Connection> {
    await Promise.resolve();
    this.connects.push(host);
    if (this.down.has(host)) throw Object.assign(new Error("connection refused"), { code: "ECONNREFUSED" });
    const [server, client] = PipeEnd.pair();
    this.serve(server, host);
    client.startTls = () => {
      if (this.tlsBroken) return Promise.reject(new Error("handshake failed"));
      server.tls = { protocol: "TLSv1.3", cipher: "x", serverName: "", channelBinding: () => undefined };
      client.tls = server.tls;
      return Promise.resolve();
    };
    return client;
  }

  /** Also for a real socket. */
  serve(server: Connection, host: string): void {
    const input = new InputBuffer();
    let sender = "";
    let recipient = "";
    let reader: DotReader | undefined;
    let data: Buffer[] = [];
    const say = (command: string, argument: string, usual: string): string => {
      const reply = this.answer(command, argument, host) ?? usual;
      if (reply !== "") server.write(`${reply}\r\n`);
      return reply;
    };
    server.onData((chunk) => {
      input.push(chunk);
      for (;;) {
        if (reader !== undefined) {
          const piece = input.take(65_536);
          if (piece.length === 0) return;
          const end = reader.read(piece, (source, from, to) =>
            data.push(Buffer.from(source.subarray(from, to))),
          );
          if (end < 0) continue;
          input.giveBack(piece.length - end);
          reader = undefined;
          const text = Buffer.concat(data).toString("utf8").replaceAll("\r\n", "\n");
          if (say("data end", recipient, "250 2.0.0 ok").startsWith("250")) {
            this.mails.push({ host, sender, recipient, text, tls: server.tls !== undefined });
          }
          continue;
        }
        const line = input.nextLine();
        if (line === undefined) return;
        if (line.kind !== "line") throw new Error(`sent ${line.kind}`);
        this.commands.push(line.text);
        const [name = ""] = line.text.split(" ");
        const argument = /<(.*?)>/.exec(line.text)?.[1] ?? "";
        if (name === "EHLO")
          say(name, "", ["250-sink", ...this.extensions.map((one) => `250-${one}`), "250 HELP"].join("\r\n"));
        else if (name === "MAIL") {
          sender = argument;
          say(name, argument, "250 ok");
        } else if (name === "RCPT") {
          recipient = argument;
          say(name, argument, "250 ok");
        } else if (name === "DATA") {
          data = [];
          if (say(name, argument, "354 go").startsWith("354")) reader = new DotReader();
        } else if (name === "STARTTLS") say(name, "", "220 go");
        else if (name === "QUIT") server.end("221 bye\r\n");
        else say(name, argument, "502 what");
      }
    });
    say("connect", "", "220 sink");
  }
}
