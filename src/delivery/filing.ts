/**
 * Turns the actions for all addressees of a transaction into ONE call of the store, and its results back into an
 * outcome for each addressee.
 */
import type { Clock } from "../base/io/clock.ts";
import type { Log, LogFields } from "../base/log.ts";
import { StoreError } from "../store/errors.ts";
import type { Mailbox, MailboxName } from "../store/model.ts";
import { checkNewName } from "../store/names.ts";
import type { DeliveryResult, DeliveryTarget, Store } from "../store/port.ts";
import { type Action, IMPLICIT_KEEP, type Marks, NO_MARKS } from "./action.ts";
import type { Addressee, Place } from "./addressee.ts";
import { duplicateKey } from "./duplicate-key.ts";
import type { Envelope, IncomingMessage } from "./envelope.ts";
import type { HeaderFacts } from "./header-facts.ts";
import type { DeliveryMetrics } from "./metrics.ts";
import type { DeliverySettings } from "./options.ts";
import type { Outbound } from "./outbound.ts";
import { combineOutcomes, type Outcome } from "./outcome.ts";
import { DeliveryRefusal } from "./refusal.ts";
import { traceFields } from "./trace-fields.ts";

export interface FilingPorts {
  readonly store: Store;
  readonly settings: DeliverySettings;
  readonly hostName: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: DeliveryMetrics;
  /** Needed by filters that send. */
  readonly outbound?: Outbound | undefined;
}

export interface FilingOrder {
  readonly message: IncomingMessage;
  readonly envelope: Envelope;
  readonly facts: HeaderFacts;
  readonly addressees: readonly Addressee[];
  /** Actions for each addressee's places; undefined = the implicit keep for all. */
  readonly plans: readonly (readonly (readonly Action[])[])[] | undefined;
}

/** A copy that was asked for: into a target of the store, or already decided. */
interface Copy {
  readonly place: Place;
  readonly mailbox: MailboxName;
  readonly target: Target | undefined;
  readonly decided: Outcome | undefined;
}

/** Where in which call of the store: a filter that edits the message has a body of its own. */
interface Target {
  readonly list: TargetList;
  readonly index: number;
}

export async function fileMessage(ports: FilingPorts, order: FilingOrder): Promise<readonly Outcome[]> {
  const { message, envelope, facts, addressees, plans } = order;
  const targets = new Targets(ports, order);
  const copies: Copy[][] = [];
  for (const [index, addressee] of addressees.entries()) {
    const list: Copy[] = [];
    for (const [placeIndex, place] of addressee.places.entries()) {
      const actions = plans?.[index]?.[placeIndex] ?? IMPLICIT_KEEP;
      for (const action of actions) {
        const copy = await planCopy(ports, targets, addressee, place, action);
        if (copy !== undefined) list.push(copy);
      }
    }
    copies.push(list);
  }
  await targets.deliver();
  const combined = addressees.map((addressee, index) => {
    const outcomes = (copies[index] ?? []).map((copy) => {
      const result = copy.target?.list.results[copy.target.index];
      const outcome = copy.decided ?? toOutcome(result, ports.settings);
      ports.metrics.copies.inc({ status: outcome.status });
      logCopy(ports.log, { envelope, facts, message, addressee, copy, outcome, result });
      return outcome;
    });
    return combineOutcomes(outcomes);
  });
  await remember(ports, order, combined);
  return combined;
}

/** Undefined for what makes no copy. */
async function planCopy(
  ports: FilingPorts,
  targets: Targets,
  addressee: Addressee,
  place: Place,
  action: Action,
): Promise<Copy | undefined> {
  switch (action.kind) {
    case "discard":
      return { place, mailbox: "", target: undefined, decided: { status: "discarded" } };
    case "reject": {
      const error = new DeliveryRefusal("rejected", action.reason);
      return { place, mailbox: "", target: undefined, decided: { status: "refused", error } };
    }
    case "send":
      return sendCopy(ports, place, action);
    case "remember":
      return undefined;
    case "notice":
      targets.of(action.bytes).addNotice(place);
      return undefined;
    case "keep":
      return targets.of(action.edited).copyTo(addressee, place, place.mailbox, action.marks);
    default:
      if (action.create) await createFolder(ports, action.mailbox);
      return targets.of(action.edited).copyTo(addressee, place, action.mailbox, action.marks);
  }
}

/** Before anything is filed: should that fail, the MTA tries again and what was sent is known by its key. */
async function sendCopy(
  ports: FilingPorts,
  place: Place,
  { mail, required }: Extract<Action, { kind: "send" }>,
): Promise<Copy | undefined> {
  const copy = (decided: Outcome): Copy => ({ place, mailbox: mail.recipient, target: undefined, decided });
  try {
    const status = (await ports.outbound?.submit(mail)) ?? "limited";
    ports.log.info("filter sends", { user: place.userId, kind: mail.kind, to: mail.recipient, status });
    if (!required) return undefined;
    if (status !== "limited") return copy({ status: "delivered" });
    return copy({ status: "refused", error: new Error("the user's filter sends too much") });
  } catch (error) {
    ports.log.error("filter could not send", { user: place.userId, kind: mail.kind, err: error });
    if (!required) return undefined;
    return copy({ status: "refused", error: error instanceof Error ? error : new Error(String(error)) });
  }
}

/** What filters have seen, now that the message is filed (RFC 7352 §3). */
async function remember(
  { outbound, log }: FilingPorts,
  { addressees, plans }: FilingOrder,
  outcomes: readonly Outcome[],
): Promise<void> {
  if (outbound === undefined || plans === undefined) return;
  for (const [index, addressee] of addressees.entries()) {
    if (outcomes[index]?.status === "refused") continue;
    for (const [placeIndex, { userId }] of addressee.places.entries()) {
      for (const action of plans[index]?.[placeIndex] ?? []) {
        if (action.kind !== "remember") continue;
        try {
          await outbound.remember(userId, action.key, action.seconds);
        } catch (error) {
          log.error("could not remember what a filter saw", { user: userId, err: error });
        }
      }
    }
  }
}

async function createFolder(ports: FilingPorts, name: MailboxName): Promise<void> {
  if (ports.store.mailboxes.find(name)?.intermediate === false) return;
  try {
    checkNewName(name);
    await ports.store.create(name, {});
  } catch (error) {
    // It may be there by now; else the copy falls back to INBOX (RFC 5228 §4.1 allows that).
    if (!(error instanceof StoreError)) throw error;
  }
}

/** The calls of the store that one message needs: one, and one more for each body that a filter changed. */
class Targets {
  readonly #ports: FilingPorts;
  readonly #order: FilingOrder;
  readonly #lists = new Map<Buffer | undefined, TargetList>();

  constructor(ports: FilingPorts, order: FilingOrder) {
    this.#ports = ports;
    this.#order = order;
  }

  of(edited: Buffer | undefined): TargetList {
    let list = this.#lists.get(edited);
    if (list === undefined) {
      list = new TargetList(this.#ports, this.#order);
      this.#lists.set(edited, list);
    }
    return list;
  }

  async deliver(): Promise<void> {
    const { store } = this.#ports;
    for (const [edited, targets] of this.#lists) {
      if (targets.list.length === 0) continue;
      if (edited === undefined) {
        targets.results = await store.deliver(this.#order.message.body, targets.list);
        continue;
      }
      const body = store.stageBuffer(edited);
      try {
        targets.results = await store.deliver(body, targets.list);
      } finally {
        body.release();
      }
    }
  }
}

/** The store's targets of one body. Equal ones are merged, so a mailbox gets it once. */
class TargetList {
  readonly list: DeliveryTarget[] = [];
  results: readonly DeliveryResult[] = [];
  readonly #ports: FilingPorts;
  readonly #order: FilingOrder;
  readonly #prefix: Buffer;
  readonly #known = new Map<string, number>();

  constructor(ports: FilingPorts, order: FilingOrder) {
    this.#ports = ports;
    this.#order = order;
    const only = order.addressees.length === 1 ? order.addressees[0]?.address : undefined;
    this.#prefix = traceFields(order.envelope, ports.hostName, ports.clock.nowMs(), only);
  }

  copyTo(addressee: Addressee, place: Place, name: MailboxName, marks: Marks): Copy {
    const mailbox = this.#usable(name) ?? this.#usable(place.inbox);
    if (mailbox === undefined) {
      const error = new StoreError("mailbox_not_found", `mailbox "${place.inbox}" is gone`);
      return { place, mailbox: name, target: undefined, decided: { status: "refused", error } };
    }
    const plain = marks === NO_MARKS;
    const key = plain ? String(mailbox.id) : `${mailbox.id} ${marks.systemFlags} ${marks.keywords.join(" ")}`;
    let target = this.#known.get(key);
    if (target === undefined) {
      target = this.list.length;
      this.#known.set(key, target);
      this.list.push(this.#makeTarget(addressee, place, mailbox, marks));
    }
    return { place, mailbox: mailbox.name, target: { list: this, index: target }, decided: undefined };
  }

  /** A message of ours: not counted as a copy, let in although over quota. */
  addNotice(place: Place): void {
    const mailbox = this.#usable(place.inbox);
    if (mailbox === undefined) return;
    this.list.push({
      mailbox: mailbox.id,
      systemFlags: 0,
      keywords: [],
      prefix: Buffer.alloc(0),
      ignoreQuota: true,
    });
  }

  #makeTarget(addressee: Addressee, place: Place, mailbox: Mailbox, marks: Marks): DeliveryTarget {
    // Mailbox option "duplicateDeliver" switches suppression off for one folder (Cyrus OPT_IMAP_DUPDELIVER).
    const suppress =
      this.#ports.settings.duplicateSuppression &&
      this.#order.facts.messageId !== "" &&
      !mailbox.options.includes("duplicateDeliver");
    return {
      mailbox: mailbox.id,
      systemFlags: marks.systemFlags,
      keywords: marks.keywords,
      prefix: this.#prefix,
      ...(addressee.ignoreQuota ? { ignoreQuota: true } : {}),
      ...(suppress
        ? { duplicateKey: duplicateKey(this.#order.facts.messageId, place.userId, mailbox.uniqueId) }
        : {}),
    };
  }

  #usable(name: MailboxName): Mailbox | undefined {
    const mailbox = this.#ports.store.mailboxes.find(name);
    return mailbox === undefined || mailbox.intermediate ? undefined : mailbox;
  }
}

function toOutcome(result: DeliveryResult | undefined, settings: DeliverySettings): Outcome {
  if (result === undefined) return { status: "refused", error: new Error("The store gave no result") };
  if (result.status !== "refused") return { status: result.status };
  const { error } = result;
  if (error instanceof StoreError && error.code === "over_quota") {
    const code = settings.overQuota === "permanent" ? "over_quota_permanent" : "over_quota_temporary";
    return { status: "refused", error: new DeliveryRefusal(code, error.message, { cause: error }) };
  }
  return { status: "refused", error };
}

interface CopyRecord {
  readonly envelope: Envelope;
  readonly facts: HeaderFacts;
  readonly message: IncomingMessage;
  readonly addressee: Addressee;
  readonly copy: Copy;
  readonly outcome: Outcome;
  readonly result: DeliveryResult | undefined;
}

/** One line a copy: what an operator searches for when somebody asks where a mail is. */
function logCopy(log: Log, record: CopyRecord): void {
  const { envelope, facts, message, addressee, copy, outcome, result } = record;
  const refused = outcome.status === "refused";
  if (!log.enabled(refused ? "warn" : "info")) return;
  const fields = {
    id: envelope.id,
    status: outcome.status,
    from: envelope.sender,
    to: addressee.address,
    user: copy.place.userId,
    mailbox: copy.mailbox,
    ...(result?.status === "delivered" ? { uid: result.uid } : {}),
    sizeBytes: message.body.sizeBytes,
    messageId: facts.messageId,
    peer: envelope.peerAddress,
    ...(refused ? reasonOf(outcome.error) : {}),
  };
  if (refused) log.warn("delivery", fields);
  else log.info("delivery", fields);
}

function reasonOf(error: Error): LogFields {
  const known = error instanceof StoreError || error instanceof DeliveryRefusal;
  return known ? { code: error.code, reason: error.message } : { err: error };
}
