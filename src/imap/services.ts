/** What the IMAP room needs from others; `main/` puts it together. */
import type { Clock } from "../base/io/clock.ts";
import type { Log } from "../base/log.ts";
import type { Directory, Identity } from "../directory/port.ts";
import type { NamespaceOptions } from "../store/namespace.ts";
import type { Store } from "../store/port.ts";
import type { Command } from "./command.ts";
import type { ImapSettings } from "./options.ts";
import type { TextSearch } from "./search/text-search.ts";

export interface ImapServices {
  readonly store: Store;
  readonly directory: Directory;
  readonly clock: Clock;
  readonly log: Log;
  readonly settings: ImapSettings;
  readonly namespace: NamespaceOptions;
  /** Shown in the greeting, in ID and in BYE lines. */
  readonly hostName: string;
  readonly version: string;
  /** Whether STARTTLS can be offered. */
  readonly hasCertificate: boolean;
  /** Whether passwords are taken without TLS (directory.allowplaintext). */
  readonly allowPlaintext: boolean;
  /** Keys of URLAUTH are made from it (RFC 4467); without it URLAUTH is not offered. */
  readonly urlAuthSecret?: Buffer | undefined;
  /** Full-text index; without it text keys scan. */
  readonly textSearch?: TextSearch | undefined;
  /** Commands of other rooms (replication, proxying) with the capabilities they announce. */
  readonly extraCommands?: readonly Command[] | undefined;
  readonly extraCapabilities?: ((identity: Identity) => readonly string[]) | undefined;
  /** Makes INBOX and the special folders before the first login is answered. */
  readonly provision?: ((identity: Identity) => Promise<void>) | undefined;
  /** Called after each command: metrics. */
  readonly observe?: ((command: string, status: string, tookMs: number) => void) | undefined;
}
