/** The sync CRCs of two servers' mailboxes, as administrators read them over IMAP. */
import assert from "node:assert/strict";
import { talk } from "./imap-peer.ts";

const CRCS = "/shared/vendor/cmu/cyrus-imapd/synccrcs";

export interface CrcServer {
  readonly endpoint: { readonly host: string; readonly port: number };
  readonly admin: readonly [string, string];
}

/** Mailbox → its CRCs. */
export async function crcsOf({ endpoint, admin }: CrcServer, user: string): Promise<Map<string, string>> {
  const listed = await talk(endpoint, admin, [`LIST "" "user/${user}*"`]);
  const all = [...listed.matchAll(/^\* LIST \([^)]*\) "\/" "?([^"\r\n]*)"?\r$/gm)].map((found) => found[1]!);
  // Cyrus shows it to administrators, Rookery to nobody.
  const names = all.filter((name) => !name.endsWith("/#sieve"));
  const commands = names.map((name) => `GETMETADATA "${name}" ${CRCS}`);
  // Levels that are only above others have none.
  const answers = await talk(endpoint, admin, commands, { mayFail: true });
  const crcs = answers.matchAll(/^\* METADATA "?([^"\r\n]*?)"? \("?\S*synccrcs"? "(\d+ \d+)"\)\r$/gm);
  return new Map([...crcs].map((found) => [found[1]!, found[2]!]));
}

export async function assertEqualCrcs(master: CrcServer, replica: CrcServer, user: string): Promise<void> {
  const here = await crcsOf(master, user);
  assert.ok(here.size > 0);
  assert.deepEqual([...(await crcsOf(replica, user))].toSorted(byName), [...here].toSorted(byName));
}

function byName([a]: readonly [string, string], [b]: readonly [string, string]): number {
  return a < b ? -1 : 1;
}
