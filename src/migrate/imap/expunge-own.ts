/** EXPUNGE of some messages only, at a server without UIDPLUS (RFC 4315). */
import type { ImapClient } from "../../imap/client.ts";
import { ok } from "../../imap/client-connect.ts";
import { printNumbers } from "../../wire/number-set.ts";

/**
 * Those of `own` go, which are marked \Deleted. What others have marked loses its mark for that moment and gets it back: a
 * connection that ends in between leaves it unmarked, which loses nothing. @throws ImapClientError
 */
export async function expungeOwn(client: ImapClient, own: ReadonlySet<number>): Promise<void> {
  const { untagged } = ok(await client.command("UID SEARCH DELETED"), "UID SEARCH DELETED");
  const others: number[] = [];
  for (const response of untagged) {
    if (response.name !== "SEARCH") continue;
    for (const word of response.arguments().rest().trim().split(" ")) {
      const uid = Number(word);
      if (uid > 0 && !own.has(uid)) others.push(uid);
    }
  }
  const set = printNumbers(others.sort((a, b) => a - b));
  if (others.length > 0) ok(await client.command(`UID STORE ${set} -FLAGS.SILENT (\\Deleted)`), "UID STORE");
  ok(await client.command("EXPUNGE"), "EXPUNGE");
  if (others.length > 0) ok(await client.command(`UID STORE ${set} +FLAGS.SILENT (\\Deleted)`), "UID STORE");
}
