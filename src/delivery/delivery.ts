/**
 * Local delivery: from an envelope recipient to messages in mailboxes.
 *
 * Resolution (who is meant, which folder) → filter (Sieve) → filing (one commit for all
 * recipients of a transaction, one stored body) → one log line for each copy.
 *
 * Promises: an outcome is given only after the store has the message on disk; a recipient that is refused never stops
 * the others; a mailbox gets a message at most once a transaction. What filters send goes to the outbound queue.
 */
import type { Clock } from "../base/io/clock.ts";
import type { Log } from "../base/log.ts";
import type { Directory } from "../directory/port.ts";
import { grantedRights } from "../store/access.ts";
import { Right } from "../store/acl.ts";
import type { Mailbox, MailboxName, QuotaRoot } from "../store/model.ts";
import { inboxOf, userOf } from "../store/names.ts";
import type { Store } from "../store/port.ts";
import type { Filter } from "./action.ts";
import type { Addressee, Place } from "./addressee.ts";
import type { Envelope, IncomingMessage } from "./envelope.ts";
import { fileMessage } from "./filing.ts";
import { readHeaderFacts } from "./header-facts.ts";
import type { DeliveryMetrics } from "./metrics.ts";
import type { DeliverySettings } from "./options.ts";
import type { Outbound } from "./outbound.ts";
import type { Outcome } from "./outcome.ts";
import { planActions } from "./plan.ts";
import { findPlusFolder } from "./plus-folder.ts";
import type { Provision } from "./provision.ts";
import { DeliveryRefusal } from "./refusal.ts";

export interface DeliveryPorts {
  readonly store: Store;
  readonly directory: Directory;
  readonly provision: Provision;
  readonly settings: DeliverySettings;
  /** Name of this host in Received fields. */
  readonly hostName: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: DeliveryMetrics;
  readonly filter?: Filter | undefined;
  /** Where filters send to. */
  readonly outbound?: Outbound | undefined;
}

export interface ResolveOptions {
  /** SIZE of the message as announced, to tell early that it cannot fit; 0 = unknown. */
  readonly sizeBytes: number;
  readonly ignoreQuota: boolean;
  /** User the sending peer authenticated as; "" = nobody. */
  readonly authenticatedAs: string;
}

export class Delivery {
  readonly #ports: DeliveryPorts;

  constructor(ports: DeliveryPorts) {
    this.#ports = ports;
  }

  /**
   * Finds where mail for an address goes; makes the mailboxes of a user who has none yet.
   * @throws DeliveryRefusal, StoreError, AuthError unavailable
   */
  async resolve(address: string, options: ResolveOptions): Promise<Addressee> {
    const { directory, provision } = this.#ports;
    const recipient = await directory.resolveRecipient(address);
    const places: Place[] = [];
    switch (recipient.kind) {
      case "unknown":
        throw new DeliveryRefusal("recipient_unknown", `no user or alias has the address "${address}"`);
      case "remote":
        throw new DeliveryRefusal("recipient_remote", `the domain of "${address}" is not a local one`);
      case "mailbox":
        places.push(this.#sharedPlace(recipient.mailbox, options));
        break;
      default:
        for (const { userId, detail } of recipient.targets) {
          if (!(await provision.ensure(userId))) {
            throw new DeliveryRefusal("recipient_unknown", `user "${userId}" has no mailbox`);
          }
          places.push(this.#userPlace(userId, detail, options));
        }
    }
    if (!options.ignoreQuota) for (const { mailbox } of places) this.#checkQuota(mailbox, options.sizeBytes);
    return { address, places, ignoreQuota: options.ignoreQuota };
  }

  /** Files one message for all addressees; outcomes in their order. Never throws for a single one's sake. */
  async deliver(
    message: IncomingMessage,
    envelope: Envelope,
    addressees: readonly Addressee[],
  ): Promise<readonly Outcome[]> {
    const { store, clock, settings, hostName, log, metrics, filter, outbound } = this.#ports;
    const startedAtMs = clock.monotonicMs();
    const facts = readHeaderFacts(message.head);
    if (facts.receivedCount > settings.maxReceived) {
      const error = new DeliveryRefusal("message_loop", `passed ${facts.receivedCount} hosts`);
      log.warn("delivery refused: loop", {
        id: envelope.id,
        from: envelope.sender,
        messageId: facts.messageId,
      });
      return addressees.map(() => ({ status: "refused", error }));
    }
    const plans =
      filter === undefined
        ? undefined
        : await Promise.all(addressees.map((one) => planActions(filter, message, envelope, one, log)));
    const outcomes = await fileMessage(
      { store, settings, hostName, clock, log, metrics, outbound },
      { message, envelope, facts, addressees, plans },
    );
    metrics.latency.observe((clock.monotonicMs() - startedAtMs) / 1000);
    return outcomes;
  }

  #sharedPlace(mailbox: MailboxName, options: ResolveOptions): Place {
    const found = this.#ports.store.mailboxes.find(mailbox);
    if (found === undefined || found.intermediate) {
      throw new DeliveryRefusal("recipient_unknown", `there is no mailbox "${mailbox}"`);
    }
    if (!mayPost(found, options)) {
      throw new DeliveryRefusal("post_denied", `nobody granted the right p on "${mailbox}"`);
    }
    return { userId: userOf(mailbox), inbox: mailbox, mailbox, detail: undefined };
  }

  #userPlace(userId: string, detail: string | undefined, options: ResolveOptions): Place {
    const { settings, store } = this.#ports;
    const inbox = inboxOf(userId);
    const own: Place = { userId, inbox, mailbox: inbox, detail };
    if (detail === undefined || detail === "" || !settings.plusFolders) return own;
    const folder = findPlusFolder(store.mailboxes, inbox, detail);
    if (folder === undefined || (settings.plusPostRight && !mayPost(folder, options))) return own;
    return { ...own, mailbox: folder.name };
  }

  /** @throws DeliveryRefusal when the quota root has no room: the sender learns it before it sends the message */
  #checkQuota(mailbox: MailboxName, sizeBytes: number): void {
    const root = this.#ports.store.quotas.rootOf(mailbox);
    if (root === undefined || hasRoom(root, sizeBytes)) return;
    const code =
      this.#ports.settings.overQuota === "permanent" ? "over_quota_permanent" : "over_quota_temporary";
    throw new DeliveryRefusal(code, `quota root "${root.root}" is full`);
  }
}

function hasRoom(root: QuotaRoot, sizeBytes: number): boolean {
  const { storageLimitBytes, storageUsedBytes, messageLimit, messagesUsed } = root;
  // Full is full: Cyrus refuses at RCPT when not even the announced size (or one byte) fits.
  if (storageLimitBytes !== undefined && storageUsedBytes + Math.max(sizeBytes, 1) > storageLimitBytes)
    return false;
  return messageLimit === undefined || messagesUsed < messageLimit;
}

function mayPost({ acl }: Mailbox, options: ResolveOptions): boolean {
  // Mail of a trusted network comes from nobody in particular, as Cyrus's "anonymous".
  const userId = options.authenticatedAs === "" ? "anonymous" : options.authenticatedAs;
  return (grantedRights(acl, { userId, isAdmin: false, groups: [] }) & Right.post) !== 0;
}
