/** Our IMAP client on a real server, logged in: to fill it, to change it, and to compare what two servers hold. */
import assert from "node:assert/strict";
import { connect } from "node:net";
import { systemNetwork } from "../../src/base/io/system-network.ts";
import { ImapClient } from "../../src/imap/client.ts";
import type { CommandPart, CommandResult } from "../../src/imap/client-command.ts";

export interface ImapPeer {
  /** Runs a command that must succeed. */
  ok(...parts: CommandPart[]): Promise<CommandResult>;
  /** Appends a message; `flags` as in IMAP, without brackets. */
  append(mailbox: string, flags: string, message: Buffer): Promise<void>;
  /** Many by one command and so by one sync of the server (RFC 3502). */
  appendAll(
    mailbox: string,
    messages: readonly { readonly flags: string; readonly message: Buffer }[],
  ): Promise<void>;
  close(): Promise<void>;
}

const DATE = '"01-Jan-2024 00:00:00 +0000"';

export async function logIn(
  endpoint: { readonly host: string; readonly port: number },
  user: string,
  password: string,
): Promise<ImapPeer> {
  const connection = await systemNetwork.connect({ host: endpoint.host, port: endpoint.port });
  const client = new ImapClient(connection, { literalPlus: true });
  const ok = async (...parts: CommandPart[]): Promise<CommandResult> => {
    const result = await client.command(parts);
    assert.equal(result.status, "OK", `${parts.map(String).join("").slice(0, 200)}: ${result.text}`);
    return result;
  };
  await ok(`LOGIN ${user} ${password}`);
  return {
    ok,
    async append(mailbox, flags, message) {
      await ok(`APPEND "${mailbox}" (${flags}) ${DATE} `, message);
    },
    async appendAll(mailbox, messages) {
      const parts = messages.flatMap(({ flags, message }) => [` (${flags}) ${DATE} `, message]);
      await ok(`APPEND "${mailbox}"`, ...parts);
    },
    async close() {
      await ok("LOGOUT");
      client.close();
    },
  };
}

/** Sends commands one after the other and returns everything the server said, as text. */
export async function talk(
  endpoint: { readonly host: string; readonly port: number },
  [user, password]: readonly [string, string],
  commands: readonly string[],
  { mayFail = false } = {},
): Promise<string> {
  const socket = connect(endpoint.port, endpoint.host);
  const lines = [`LOGIN ${user} ${password}`, ...commands, "LOGOUT"];
  socket.write(lines.map((line, index) => `t${index} ${line}\r\n`).join(""));
  let answer = "";
  for await (const chunk of socket) answer += String(chunk);
  const failed = mayFail ? null : /^t\d+ (?:NO|BAD) .*$/m.exec(answer);
  assert.equal(failed, null, `${failed?.[0]} in ${answer}`);
  return answer;
}
