/** A user's account on an IMAP and SMTP server elsewhere. Cheap to make: connections and folders are the user's. */
import type { People } from "../../../directory/people/people.ts";
import { astring } from "../../../imap/client-connect.ts";
import type { CommandPart } from "../../../imap/client-command.ts";
import { wireMailbox, wireName } from "../../../imap/client-folders.ts";
import {
  type Account,
  AccountError,
  type DirectoryHits,
  type Folder,
  type FolderUse,
  type MailCollection,
  type MailHits,
  type MailQuery,
  type OutgoingMessage,
  type Vacation,
} from "../port.ts";
import { readVacation, writeVacation } from "../vacation-script.ts";
import { accepted } from "./failure.ts";
import type { RemoteFolder } from "./folder-tree.ts";
import { RemoteCollection } from "./mail-collection.ts";
import type { RemoteUser } from "./remote-user.ts";
import { searchFolders } from "./search.ts";
import { FRESH, select } from "./selecting.ts";
import type { SendLedger } from "./send-ledger.ts";
import { sendMessage } from "./send-once.ts";
import { withScripts } from "./vacation.ts";

/** A device's account is broken without them: MS-ASCMD §2.2.1.3 and §2.2.1.7 have a status for that. */
const KEPT: ReadonlySet<FolderUse> = new Set(["inbox", "drafts", "trash", "sent"]);

export class RemoteAccount implements Account {
  readonly #user: RemoteUser;
  readonly #people: People | undefined;
  readonly #ledger: SendLedger;

  constructor(user: RemoteUser, people: People | undefined, ledger: SendLedger) {
    this.#user = user;
    this.#people = people;
    this.#ledger = ledger;
  }

  /** In small letters, since servers take names in any case: a blocked device stays blocked however its user writes his. */
  get userId(): string {
    return this.#user.address.toLowerCase();
  }
  get displayName(): string {
    return this.#user.displayName;
  }
  get addresses(): readonly string[] {
    return [this.#user.address];
  }

  async folders(): Promise<readonly Folder[]> {
    return (await this.#user.readTree()).folders;
  }

  async createFolder(parentKey: string | undefined, name: string): Promise<Folder> {
    const path = await this.#nameBelow(parentKey, name);
    await this.#user.connections.use(async ({ client }) => {
      const created = await client.command(["CREATE ", ...wireMailbox(path)]);
      // An existing folder that was only not subscribed comes into view (OP-233).
      if (created.status !== "OK" && !/ALREADYEXISTS|exists/i.test(`${created.code} ${created.text}`)) {
        accepted(created, "folder_name_invalid");
      }
      const before = await this.#user.knownTree();
      if (created.status !== "OK" && before.folders.some(({ wireName: known }) => known.equals(path))) {
        throw new AccountError("folder_exists", `there is a folder "${name}"`);
      }
      accepted(await client.command(["SUBSCRIBE ", ...wireMailbox(path)]), "permission_denied");
    });
    const { folders } = await this.#user.readTree();
    const made = folders.find(({ wireName: known }) => known.equals(path));
    if (made === undefined) throw new AccountError("permission_denied", "the folder cannot be seen");
    return made;
  }

  async renameFolder(key: string, parentKey: string | undefined, name: string): Promise<void> {
    const folder = await this.#changeable(key);
    const path = await this.#nameBelow(parentKey, name);
    if (path.equals(folder.wireName)) return;
    const { folders } = await this.#user.knownTree();
    if (folders.some(({ wireName: known }) => known.equals(path))) {
      throw new AccountError("folder_exists", `there is a folder "${name}"`);
    }
    const prefix = Buffer.concat([folder.wireName, Buffer.from(folder.separator)]);
    const renamed = folders
      .map(({ wireName: known }) => known)
      .filter((known) => known.equals(folder.wireName) || known.subarray(0, prefix.length).equals(prefix));
    await this.#user.connections.use(async (lent) => {
      await leave(lent);
      const { client } = lent;
      accepted(
        await client.command(["RENAME ", ...wireMailbox(folder.wireName), " ", ...wireMailbox(path)]),
        "folder_name_invalid",
      );
      // Subscriptions are of names (RFC 9051 §6.3.7).
      for (const old of renamed) {
        const now = Buffer.concat([path, old.subarray(folder.wireName.length)]);
        await Promise.all([
          client.command(["SUBSCRIBE ", ...wireMailbox(now)]),
          client.command(["UNSUBSCRIBE ", ...wireMailbox(old)]),
        ]);
      }
    });
    this.#user.forgetTree();
  }

  async deleteFolder(key: string): Promise<void> {
    const folder = await this.#changeable(key);
    const { folders } = await this.#user.knownTree();
    const doomed = withDescendants(folders, folder);
    await this.#user.connections.use(async (lent) => {
      await leave(lent);
      for (const one of doomed.toReversed()) {
        const name = wireMailbox(one.wireName);
        const deleted = await lent.client.command(["DELETE ", ...name]);
        // A level that only holds others is gone with them on some servers.
        if (one.selectable) accepted(deleted, "permission_denied");
        await lent.client.command(["UNSUBSCRIBE ", ...name]);
      }
    });
    this.#user.forgetTree();
  }

  async emptyFolder(key: string, options: { readonly withChildren: boolean }): Promise<void> {
    const folder = await this.#user.folderOf(key);
    if (folder.selectable) {
      await this.#user.connections.use(async (lent) => {
        await select(lent, folder, { generation: FRESH });
        const { client } = lent;
        accepted(await client.command("UID STORE 1:* +FLAGS.SILENT (\\Deleted)"), "permission_denied");
        accepted(await client.command("EXPUNGE"), "permission_denied");
      });
    }
    if (!options.withChildren) return;
    const { folders } = await this.#user.knownTree();
    for (const child of folders.filter(({ parentKey }) => parentKey === key))
      await this.deleteFolder(child.key);
  }

  async openMail(key: string): Promise<MailCollection> {
    return await RemoteCollection.open(this.#user, await this.#user.folderOf(key));
  }

  watch(keys: readonly string[], listener: (key: string | undefined) => void): Promise<() => void> {
    return this.#user.watcher.add(keys, (key) => {
      if (key === undefined) this.#user.forgetTree();
      listener(key);
    });
  }

  async searchMail(query: MailQuery): Promise<MailHits> {
    if (query.folderKey !== undefined) await this.#user.folderOf(query.folderKey);
    return await searchFolders(this.#user.connections, await this.#user.knownTree(), query);
  }

  async searchDirectory(query: string, limit: number): Promise<DirectoryHits> {
    if (this.#people === undefined) return { total: 0, people: [] };
    return await this.#people.search(query, this.#user.domain, limit);
  }

  async photo(address: string, maxBytes: number): Promise<Buffer | "none" | "too_big"> {
    const found = await this.#people?.photo(address, this.#user.domain);
    if (found === undefined) return "none";
    return found.length > maxBytes ? "too_big" : found;
  }

  send(message: OutgoingMessage): Promise<void> {
    return sendMessage({ user: this.#user, userId: this.userId, ledger: this.#ledger }, message);
  }

  vacation(): Promise<Vacation> {
    return withScripts(this.#user, readVacation);
  }

  setVacation(vacation: Vacation): Promise<void> {
    return withScripts(this.#user, (scripts) => writeVacation(scripts, this, vacation));
  }

  /** Connections stay with the user for a while. */
  release(): void {}

  async #changeable(key: string): Promise<RemoteFolder> {
    const folder = await this.#user.folderOf(key);
    if (KEPT.has(folder.use)) throw new AccountError("special_folder", `"${folder.name}" cannot be changed`);
    return folder;
  }

  async #nameBelow(parentKey: string | undefined, name: string): Promise<Buffer> {
    const { byKey, separator, personalPrefix } = await this.#user.knownTree();
    const trimmed = name.trim().normalize("NFC");
    const at = parentKey === undefined ? undefined : byKey.get(parentKey);
    if (parentKey !== undefined && at === undefined) {
      throw new AccountError("parent_missing", "the folder above is not there");
    }
    const own = at?.separator ?? separator;
    if (trimmed === "" || trimmed.includes(own) || /\p{Cc}/u.test(trimmed)) {
      throw new AccountError("folder_name_invalid", `folder name ${JSON.stringify(name)} cannot be used`);
    }
    const last = wireName([trimmed], own);
    if (at === undefined) {
      if (trimmed.toUpperCase() === "INBOX") throw new AccountError("folder_exists", "there is one INBOX");
      return Buffer.concat([Buffer.from(personalPrefix), last]);
    }
    return Buffer.concat([at.wireName, Buffer.from(own), last]);
  }
}

/** Parents first. */
function withDescendants(folders: readonly RemoteFolder[], top: RemoteFolder): RemoteFolder[] {
  const keys = new Set([top.key]);
  for (const { key, parentKey } of folders) if (parentKey !== undefined && keys.has(parentKey)) keys.add(key);
  return folders.filter(({ key }) => keys.has(key));
}

/** A folder that is open cannot be renamed or deleted on every server. */
async function leave(lent: Parameters<Parameters<RemoteUser["connections"]["use"]>[0]>[0]): Promise<void> {
  if (lent.selected === undefined) return;
  lent.selected = undefined;
  const canUnselect = lent.capabilities.has("UNSELECT") || lent.capabilities.has("IMAP4REV2");
  const command: CommandPart[] = canUnselect ? ["UNSELECT"] : ["EXAMINE ", ...astring("INBOX")];
  await lent.client.command(command);
}
