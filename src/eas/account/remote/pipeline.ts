/**
 * Several commands in one round trip. Servers may hold the tagged lines of commands back and send them together (Dovecot
 * and Cyrus do so with FETCH), so which command a response belongs to is not known: it is taken from what it says, and
 * from the order, which is that of the commands.
 */
import type { CommandPart } from "../../../imap/client-command.ts";
import type { Untagged } from "../../../imap/codec/response.ts";
import type { AccountErrorCode } from "../port.ts";
import type { Lent } from "./connections.ts";
import { accepted } from "./failure.ts";

/** Untagged responses of all commands in their order. @throws AccountError when one is refused */
export async function pipeline(
  { client }: Pick<Lent, "client">,
  commands: readonly (CommandPart | readonly CommandPart[])[],
  otherwise: AccountErrorCode,
): Promise<readonly Untagged[]> {
  const results = await Promise.all(commands.map((command) => client.command(command)));
  for (const result of results) accepted(result, otherwise);
  return results.flatMap(({ untagged }) => untagged);
}
