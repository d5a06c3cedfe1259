/** What a script sees of the world outside its message: mailboxes, metadata, memory (`sieve/message.ts`). */
import type { SieveDate, SieveEnvironment } from "../sieve/message.ts";
import { type Accessor, effectiveRights } from "../store/access.ts";
import { Right } from "../store/acl.ts";
import { StoreError } from "../store/errors.ts";
import type { Mailbox, MailboxName } from "../store/model.ts";
import type { Namespace } from "../store/namespace.ts";
import type { Store } from "../store/port.ts";
import type { Envelope } from "./envelope.ts";
import type { Outbound } from "./outbound.ts";

export interface EnvironmentParts {
  readonly store: Store;
  readonly outbound: Outbound;
  readonly accessor: Accessor;
  readonly namespace: Namespace;
  readonly envelope: Envelope;
  readonly recipient: string;
  readonly now: SieveDate;
  readonly addressSeparator: string;
  readonly hostName: string;
  readonly version: string;
  /** Personal scripts by name, read before the run when the script includes any. */
  readonly scripts: ReadonlyMap<string, string>;
  /** The operator's. */
  readonly globalScripts: (name: string) => string | undefined;
}

export interface Remembered {
  readonly key: string;
  readonly seconds: number;
}

export class DeliveryEnvironment implements SieveEnvironment {
  readonly envelopeFrom: string;
  readonly envelopeTo: string;
  readonly envelopeAuth = undefined;
  readonly now: SieveDate;
  readonly addressSeparator: string;
  /** What `duplicate` tests saw for the first time: to be remembered when the message is filed. */
  readonly seen: Remembered[] = [];
  readonly #parts: EnvironmentParts;

  constructor(parts: EnvironmentParts) {
    this.#parts = parts;
    this.envelopeFrom = parts.envelope.sender;
    this.envelopeTo = parts.recipient;
    this.now = parts.now;
    this.addressSeparator = parts.addressSeparator;
  }

  /** RFC 5183 §4. */
  item(name: string): string | undefined {
    const { hostName, version, envelope } = this.#parts;
    switch (name) {
      case "domain":
        return hostName.slice(hostName.indexOf(".") + 1);
      case "host":
        return hostName;
      case "location":
        return "MDA";
      case "name":
        return "Rookery";
      case "phase":
        return "during";
      case "remote-host":
        return envelope.peerName;
      case "remote-ip":
        return envelope.peerAddress;
      case "version":
        return version;
      default:
        return undefined;
    }
  }

  /** RFC 5490 §3.1: there, and mail can be put into it. */
  mailboxExists(name: string): boolean {
    const mailbox = this.findByName(name);
    return mailbox !== undefined && this.mayFile(mailbox);
  }

  mailboxIdExists(id: string): boolean {
    return this.findById(id) !== undefined;
  }

  specialUseExists(name: string | undefined, uses: readonly string[]): boolean {
    if (name === undefined) return uses.every((use) => this.findByUse(use) !== undefined);
    const mailbox = this.findByName(name);
    return mailbox !== undefined && uses.every((use) => mailbox.specialUse.includes(plainUse(use)));
  }

  metadata(name: string | undefined, entry: string): string | undefined {
    const { store, accessor } = this.#parts;
    const mailbox = name === undefined ? "" : this.findByName(name)?.name;
    const match = /^\/(private|shared)(\/.+)$/i.exec(entry);
    if (mailbox === undefined || match === null) return undefined;
    const owner = match[1]?.toLowerCase() === "private" ? accessor.userId : "";
    const wanted = match[2]?.toLowerCase();
    for (const one of store.annotations.list(mailbox, accessor.userId)) {
      if (one.userId === owner && one.entry.toLowerCase() === wanted) return one.value.toString("utf8");
    }
    return undefined;
  }

  isDuplicate(handle: string, id: string, seconds: number, last: boolean): boolean {
    const key = `duplicate ${handle} ${id}`;
    const known = this.#parts.outbound.isRemembered(this.#parts.accessor.userId, key);
    if (!known || last) this.seen.push({ key, seconds });
    return known;
  }

  loadScript(location: "personal" | "global", name: string): string | undefined {
    return location === "personal" ? this.#parts.scripts.get(name) : this.#parts.globalScripts(name);
  }

  listContains(): undefined {
    return undefined;
  }

  /** A name as the user writes it. Undefined when there is no such mailbox, or the name cannot be one. */
  internalName(name: string): MailboxName | undefined {
    try {
      return this.#parts.namespace.toInternal(name, "utf8");
    } catch (error) {
      if (error instanceof StoreError) return undefined;
      throw error;
    }
  }

  findByName(name: string): Mailbox | undefined {
    const internal = this.internalName(name);
    return internal === undefined ? undefined : usable(this.#parts.store.mailboxes.find(internal));
  }

  /** Own mailbox with a special use, `\Junk` or `junk`. */
  findByUse(use: string): Mailbox | undefined {
    const wanted = plainUse(use);
    for (const mailbox of this.#parts.store.mailboxes.ofUser(this.#parts.accessor.userId)) {
      if (mailbox.specialUse.includes(wanted) && usable(mailbox) !== undefined) return mailbox;
    }
    return undefined;
  }

  findById(id: string): Mailbox | undefined {
    const mailbox = usable(this.#parts.store.mailboxes.byUniqueId(id));
    return mailbox !== undefined && this.mayFile(mailbox) ? mailbox : undefined;
  }

  mayFile(mailbox: Pick<Mailbox, "name" | "acl">): boolean {
    return (effectiveRights(mailbox, this.#parts.accessor) & Right.insert) !== 0;
  }
}

function plainUse(use: string): string {
  return use.replace(/^\\/, "").toLowerCase();
}

function usable(mailbox: Mailbox | undefined): Mailbox | undefined {
  return mailbox === undefined || mailbox.intermediate || mailbox.type !== "mail" ? undefined : mailbox;
}
