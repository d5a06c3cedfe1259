/**
 * Runs the active script of each recipient and turns what it decides into actions of delivery.
 *
 * Promises: compiled scripts are kept by their GUID, bounded; a script that fails, at compile or run time, leaves the
 * message kept, is logged, and its owner gets one notice a day; a redirect that is repeated (the sending MTA tries
 * again) goes out once; a redirect that would loop is a keep.
 */
import { Lru } from "../base/lru.ts";
import type { Clock } from "../base/io/clock.ts";
import type { Random } from "../base/io/random.ts";
import type { Log } from "../base/log.ts";
import type { Directory } from "../directory/port.ts";
import { buildMail } from "../mime/build.ts";
import { printDateHeader } from "../mime/date.ts";
import type { SieveOutcome } from "../sieve/actions.ts";
import { SieveSyntaxError } from "../sieve/errors.ts";
import { SieveScript } from "../sieve/script.ts";
import type { Accessor } from "../store/access.ts";
import type { Guid, UserId } from "../store/model.ts";
import { Namespace, type NamespaceOptions } from "../store/namespace.ts";
import type { Store } from "../store/port.ts";
import { type Action, type Filter, IMPLICIT_KEEP, NO_MARKS } from "./action.ts";
import type { Addressee, Place } from "./addressee.ts";
import type { Envelope, IncomingMessage } from "./envelope.ts";
import type { Outbound } from "./outbound.ts";
import type { Scripts } from "./scripts.ts";
import { SieveActions } from "./sieve-actions.ts";
import { DeliveryEnvironment } from "./sieve-environment.ts";
import { MailMessage } from "./sieve-message.ts";

export interface SieveFilterPorts {
  readonly store: Store;
  readonly scripts: Scripts;
  readonly directory: Directory;
  readonly outbound: Outbound;
  readonly namespace: () => NamespaceOptions;
  readonly addressSeparator: string;
  /** What `include :global` finds; absent = nothing. */
  readonly globalScripts?: (name: string) => string | undefined;
  readonly hostName: string;
  readonly version: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

const MAX_COMPILED_SCRIPTS = 5_000;
/** What body tests look at of a message: larger ones are known by their beginning. */
const MAX_SCANNED_BYTES = 4 * 2 ** 20;
const NOTICE_SECONDS = 86_400;
/** Extensions that look behind the header, and `include`, whose scripts may. */
const NEEDS_BODY = /"(?:body|mime|foreverypart|extracttext|include)"/i;
const NEEDS_SCRIPTS = /"include"/i;

interface Compiled {
  readonly script: SieveScript | undefined;
  /** Set when it does not compile. */
  readonly error: Error | undefined;
  readonly needsBody: boolean;
  readonly needsScripts: boolean;
}

export class SieveFilter implements Filter {
  readonly #ports: SieveFilterPorts;
  readonly #compiled = new Lru<Guid, Compiled>({ maxEntries: MAX_COMPILED_SCRIPTS });

  constructor(ports: SieveFilterPorts) {
    this.#ports = ports;
  }

  async actions(
    message: IncomingMessage,
    envelope: Envelope,
    addressee: Addressee,
    place: Place,
  ): Promise<readonly Action[] | undefined> {
    const { userId } = place;
    if (userId === "") return undefined;
    const active = await this.#ports.scripts.findActive(userId);
    if (active === undefined) return undefined;
    const compiled = this.#compile(active.guid, active.content);
    if (compiled.script === undefined) return this.#failed(userId, envelope, compiled.error);

    const bytes = compiled.needsBody
      ? await message.body.read(0, Math.min(message.body.sizeBytes, MAX_SCANNED_BYTES))
      : message.head;
    const mail = new MailMessage(bytes, message.body.sizeBytes);
    const environment = await this.#environment(envelope, addressee.address, userId, compiled.needsScripts);
    const outcome = compiled.script.run(mail, environment);
    if (outcome.error !== undefined) return this.#failed(userId, envelope, outcome.error);
    const actions = new SieveActions({
      ...this.#ports,
      message,
      mail,
      envelope,
      addressee,
      userId,
      environment,
    });
    const result: Action[] = [];
    for (const action of outcome.actions) result.push(...(await actions.translate(action)));
    const merged = withOneCopyEach(result, place);
    for (const { key, seconds } of environment.seen) merged.push({ kind: "remember", key, seconds });
    return merged.length === 0 ? [{ kind: "discard" }] : merged;
  }

  /**
   * What a script would do with a message of this user, with his mailboxes, memory and other scripts; nothing is done.
   * @param source undefined = his active script. @returns undefined when he has none
   * @throws ScriptRefusal script_invalid, script_too_big
   */
  async rehearse(trial: {
    readonly userId: UserId;
    readonly source: Buffer | undefined;
    readonly message: Buffer;
    readonly sender: string;
    readonly recipient: string;
  }): Promise<SieveOutcome | undefined> {
    const { scripts, random } = this.#ports;
    const source = trial.source ?? (await scripts.findActive(trial.userId))?.content;
    if (source === undefined) return undefined;
    scripts.check(source);
    const script = new SieveScript(source.toString("utf8"), scripts.limits);
    const envelope: Envelope = {
      sender: trial.sender,
      senderText: trial.sender,
      id: random.bytes(8).toString("hex"),
      peerName: "",
      peerAddress: "127.0.0.1",
      protocol: "LMTP",
      tls: "",
      authenticatedAs: "",
    };
    const environment = await this.#environment(envelope, trial.recipient, trial.userId, true);
    const scanned = trial.message.subarray(0, MAX_SCANNED_BYTES);
    return script.run(new MailMessage(scanned, trial.message.length), environment, { trace: true });
  }

  #compile(guid: Guid, content: Buffer): Compiled {
    const known = this.#compiled.get(guid);
    if (known !== undefined) return known;
    const source = content.toString("utf8");
    let compiled: Compiled;
    try {
      compiled = {
        script: new SieveScript(source, this.#ports.scripts.limits),
        error: undefined,
        needsBody: NEEDS_BODY.test(source),
        needsScripts: NEEDS_SCRIPTS.test(source),
      };
    } catch (error) {
      // Came by replication from a server that knows more, or another bound.
      if (!(error instanceof SieveSyntaxError)) throw error;
      compiled = { script: undefined, error, needsBody: false, needsScripts: false };
    }
    this.#compiled.set(guid, compiled);
    return compiled;
  }

  async #environment(
    envelope: Envelope,
    recipient: string,
    userId: UserId,
    needsScripts: boolean,
  ): Promise<DeliveryEnvironment> {
    const { store, outbound, directory, scripts, clock } = this.#ports;
    const accessor: Accessor = { userId, isAdmin: false, groups: await directory.groupsOf(userId) };
    const personal = new Map<string, string>();
    if (needsScripts) {
      for (const { name } of await scripts.list(userId)) {
        personal.set(name, (await scripts.find(userId, name))?.toString("utf8") ?? "");
      }
    }
    const nowMs = clock.nowMs();
    return new DeliveryEnvironment({
      store,
      outbound,
      accessor,
      namespace: new Namespace(accessor, this.#ports.namespace()),
      envelope,
      recipient,
      now: { epochSeconds: Math.floor(nowMs / 1000), zoneMinutes: -new Date(nowMs).getTimezoneOffset() },
      addressSeparator: this.#ports.addressSeparator,
      hostName: this.#ports.hostName,
      version: this.#ports.version,
      scripts: personal,
      globalScripts: this.#ports.globalScripts ?? (() => undefined),
    });
  }

  /** RFC 5228 §2.10.6: kept; the owner hears of it, but not with every message. */
  async #failed(userId: UserId, envelope: Envelope, error: Error | undefined): Promise<readonly Action[]> {
    const { log, outbound, clock, random, hostName } = this.#ports;
    const reason = error?.message ?? "unknown error";
    log.warn("script failed", { id: envelope.id, user: userId, reason });
    const key = "script failed";
    if (outbound.isRemembered(userId, key)) return IMPLICIT_KEEP;
    await outbound.remember(userId, key, NOTICE_SECONDS);
    const bytes = buildMail({
      headers: [
        ["From", `Mail filter <postmaster@${hostName}>`],
        ["To", userId.includes("@") ? `<${userId}>` : `${userId}@${hostName}`],
        ["Subject", "Your mail filter does not work"],
        ["Date", printDateHeader(clock.nowMs())],
        ["Message-ID", `<${random.bytes(16).toString("hex")}@${hostName}>`],
        ["Auto-Submitted", "auto-generated"],
      ],
      parts: [
        {
          type: "text/plain",
          content:
            `Your active Sieve script could not be run:\r\n\r\n  ${reason}\r\n\r\n` +
            "Messages are kept in your inbox until it is corrected. You get this notice at most once a day.\r\n",
        },
      ],
      boundary: random.bytes(12).toString("hex"),
    });
    return [...IMPLICIT_KEEP, { kind: "notice", bytes }];
  }
}

/** RFC 5228 §2.10.3: a mailbox gets one copy, however often it is named; the flags said last count. */
function withOneCopyEach(actions: readonly Action[], place: Place): Action[] {
  const last = new Map<string, Action>();
  const copies = new Map<Action, string>();
  for (const action of actions) {
    if (action.kind !== "keep" && action.kind !== "file") continue;
    const mailbox = action.kind === "keep" ? place.mailbox : action.mailbox;
    // A keep that says nothing, the implicit one too, takes no flags away.
    const isPlain = action.marks === NO_MARKS && action.edited === undefined;
    if (!isPlain || !last.has(mailbox)) last.set(mailbox, action);
    copies.set(action, mailbox);
  }
  return actions.filter((action) => {
    const mailbox = copies.get(action);
    return mailbox === undefined || last.get(mailbox) === action;
  });
}
