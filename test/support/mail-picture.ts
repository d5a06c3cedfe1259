/** Everything of a user that an IMAP client sees, to compare two servers. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { dateSeconds } from "../../src/migrate/imap/dates.ts";
import { printFlags, readFetched } from "../../src/imap/client-fetch.ts";
import { type ImapPeer, logIn } from "./imap-peer.ts";

export interface Login {
  readonly endpoint: { readonly host: string; readonly port: number };
  readonly user: string;
  readonly password: string;
}

export interface FolderPicture {
  readonly uidValidity: number;
  readonly uids: readonly number[];
  /** In the order of UIDs: digest, date, flags. */
  readonly messages: readonly string[];
}

/** By name with `/` between levels, without the prefix `INBOX.`. */
export type MailPicture = ReadonlyMap<string, FolderPicture>;

export async function pictureOf({ endpoint, user, password }: Login): Promise<MailPicture> {
  const client = await logIn(endpoint, user, password);
  const picture = new Map<string, FolderPicture>();
  for (const { name, shown } of await foldersOf(client)) picture.set(shown, await folderOf(client, name));
  await client.close();
  assert.ok(picture.has("INBOX"), `${user} has no INBOX`);
  return picture;
}

/** Messages alone: UIDs are the server's own where it cannot keep them. */
export function messagesOf(
  picture: MailPicture,
  wanted: (message: string) => boolean = () => true,
): Record<string, readonly string[]> {
  const folders = [...picture].map(([name, { messages }]): [string, readonly string[]] => [
    name,
    messages.filter((message) => wanted(message)).toSorted(),
  ]);
  return Object.fromEntries(folders.filter(([, messages]) => messages.length > 0).toSorted(byName));
}

/** With UIDVALIDITY and every UID, but for the folders of `unnumbered`. */
export function exactly(picture: MailPicture): Record<string, FolderPicture> {
  const folders = [...picture];
  return Object.fromEntries(folders.filter(([, { messages }]) => messages.length > 0).toSorted(byName));
}

function byName([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  return a < b ? -1 : 1;
}

async function foldersOf(client: ImapPeer): Promise<{ readonly name: string; readonly shown: string }[]> {
  const { untagged } = await client.ok('LIST "" "*"');
  return untagged.flatMap((response) => {
    if (response.name !== "LIST") return [];
    const found = /^\(([^)]*)\) "(.)" (?:"(.*)"|(.*))$/.exec(response.arguments().rest().trimStart());
    if (found === null || /\\No(?:nExistent|select)/i.test(found[1] ?? "")) return [];
    const name = found[3] ?? found[4] ?? "";
    const separator = found[2] ?? "/";
    const shown = name.startsWith(`INBOX${separator}`) ? name.slice("INBOX".length + separator.length) : name;
    return [{ name, shown: shown.replaceAll(separator, "/") }];
  });
}

async function folderOf(client: ImapPeer, name: string): Promise<FolderPicture> {
  const selected = await client.ok(`EXAMINE "${name}"`);
  const words = selected.untagged.map((response) => response.arguments().rest()).join("\n");
  const uidValidity = Number(/\[UIDVALIDITY (\d+)\]/.exec(words)?.[1]);
  const uids: number[] = [];
  const messages: string[] = [];
  const fetched = await client.ok("UID FETCH 1:* (UID FLAGS INTERNALDATE BODY.PEEK[])");
  for (const response of fetched.untagged) {
    if (response.name !== "FETCH") continue;
    const { uid, flags, internalDateText, body } = readFetched(response.arguments());
    if (flags === undefined) continue;
    const digest = createHash("sha1")
      .update(Buffer.isBuffer(body) ? body : "")
      .digest("hex");
    uids.push(uid);
    messages.push(`${digest} ${dateSeconds(internalDateText)} ${printFlags(flags)}`);
  }
  return { uidValidity, uids, messages };
}
