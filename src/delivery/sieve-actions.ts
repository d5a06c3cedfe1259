/** One message's decisions of a script → actions of delivery. What cannot be done as asked becomes a keep. */
import type { Clock } from "../base/io/clock.ts";
import type { Random } from "../base/io/random.ts";
import type { Log } from "../base/log.ts";
import type { Directory } from "../directory/port.ts";
import { headerLine } from "../mime/build.ts";
import type { EditedHeaders, SieveAction } from "../sieve/actions.ts";
import { parseMailto } from "../sieve/mailto.ts";
import { isOwner } from "../store/access.ts";
import { SystemFlag, type UserId } from "../store/model.ts";
import { type Action, type Marks, NO_MARKS } from "./action.ts";
import type { Addressee } from "./addressee.ts";
import type { Envelope, IncomingMessage } from "./envelope.ts";
import { buildNotification } from "./notification.ts";
import type { DeliveryEnvironment } from "./sieve-environment.ts";
import { type MailMessage, printEdited } from "./sieve-message.ts";
import { buildVacation, reasonForSilence, type VacationContext } from "./vacation.ts";

export interface SieveActionsParts {
  readonly directory: Directory;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly hostName: string;
  readonly message: IncomingMessage;
  readonly mail: MailMessage;
  readonly envelope: Envelope;
  readonly addressee: Addressee;
  readonly userId: UserId;
  readonly environment: DeliveryEnvironment;
}

const REDIRECT_FIELD = "X-Sieve-Redirected-From";
/** An MTA that tries again does so within this time. */
const REDIRECT_MEMORY_SECONDS = 7 * 86_400;
/** RFC 5429 §2.2.1 leaves the length open; longer ones do not fit into a reply. */
const MAX_REASON_CHARACTERS = 1_000;

const SYSTEM_FLAGS: ReadonlyMap<string, number> = new Map([
  ["\\seen", SystemFlag.seen],
  ["\\answered", SystemFlag.answered],
  ["\\flagged", SystemFlag.flagged],
  ["\\deleted", SystemFlag.deleted],
  ["\\draft", SystemFlag.draft],
]);
const KEYWORD = /^[!#$&'+,\-./0-9:;<=>?@A-Z[\]^_`a-z|}~]{1,100}$/;

type Of<Kind extends SieveAction["kind"]> = Extract<SieveAction, { kind: Kind }>;

export class SieveActions {
  readonly #parts: SieveActionsParts;
  #whole: Buffer | undefined;

  constructor(parts: SieveActionsParts) {
    this.#parts = parts;
  }

  async translate(action: SieveAction): Promise<readonly Action[]> {
    switch (action.kind) {
      case "keep":
        return [await this.#keep(action.flags, action.headers)];
      case "fileinto":
        return [await this.#file(action)];
      case "discard":
        return [{ kind: "discard" }];
      case "reject":
        return [{ kind: "reject", reason: action.reason.slice(0, MAX_REASON_CHARACTERS) }];
      case "redirect":
        return [await this.#redirect(action)];
      case "vacation":
        return this.#vacation(action);
      default:
        return this.#notify(action);
    }
  }

  async #keep(flags: readonly string[], headers: EditedHeaders): Promise<Action> {
    return { kind: "keep", marks: marksOf(flags), edited: await this.#edited(headers) };
  }

  async #file(action: Of<"fileinto">): Promise<Action> {
    const { environment, userId } = this.#parts;
    // The id first (RFC 9042 §4), then the use (RFC 8579 §4), then the name.
    const byId = action.mailboxId === undefined ? undefined : environment.findById(action.mailboxId);
    const found =
      byId ??
      (action.specialUse === undefined ? undefined : environment.findByUse(action.specialUse)) ??
      environment.findByName(action.mailbox);
    const name = found?.name ?? environment.internalName(action.mailbox);
    const mayCreate = found === undefined && action.create && name !== undefined && isOwner(name, userId);
    if (name === undefined || (found === undefined ? !mayCreate : !environment.mayFile(found))) {
      this.#note("fileinto became keep", { mailbox: action.mailbox });
      return this.#keep(action.flags, action.headers);
    }
    return {
      kind: "file",
      mailbox: name,
      create: mayCreate,
      marks: marksOf(action.flags),
      edited: await this.#edited(action.headers),
    };
  }

  async #redirect(action: Of<"redirect">): Promise<Action> {
    const { mail, userId, envelope, addressee } = this.#parts;
    const own = addressee.address;
    const loops = mail.root.headers.some(
      ({ name, value }) =>
        name.toLowerCase() === REDIRECT_FIELD.toLowerCase() &&
        value.trim().toLowerCase() === own.toLowerCase(),
    );
    if (loops || action.address.toLowerCase() === own.toLowerCase()) {
      this.#note("redirect became keep: loop", { to: action.address });
      return this.#keep([], action.headers);
    }
    const whole = (await this.#edited(action.headers)) ?? (await this.#readWhole());
    const id = this.#field("message-id");
    return {
      kind: "send",
      required: true,
      mail: {
        kind: "redirect",
        userId,
        sender: envelope.sender,
        recipient: action.address,
        bytes: Buffer.concat([Buffer.from(headerLine(REDIRECT_FIELD, own)), whole]),
        once:
          id === ""
            ? undefined
            : { key: `redirect ${id} ${action.address.toLowerCase()}`, seconds: REDIRECT_MEMORY_SECONDS },
      },
    };
  }

  async #vacation(action: Of<"vacation">): Promise<readonly Action[]> {
    const { directory, mail, envelope, addressee, userId, hostName, clock, random } = this.#parts;
    const user = await directory.findUser(userId);
    const ownAddresses = [...(user?.addresses ?? []), addressee.address, ...action.addresses];
    const context: VacationContext = {
      message: mail,
      sender: envelope.sender,
      ownAddresses,
      messageId: this.#newId(),
      boundary: random.bytes(12).toString("hex"),
      atMs: clock.nowMs(),
    };
    const silence = reasonForSilence(context);
    if (silence !== undefined) {
      this.#note("no vacation answer", { reason: silence });
      return [];
    }
    const from = `<${user?.addresses[0] ?? `${userId}@${hostName}`}>`;
    const once =
      action.seconds === 0
        ? undefined
        : { key: `vacation ${action.handle} ${envelope.sender.toLowerCase()}`, seconds: action.seconds };
    const bytes = buildVacation(action, context, from);
    const reply = { kind: "vacation", userId, sender: "", recipient: envelope.sender, bytes, once } as const;
    return [{ kind: "send", required: false, mail: reply }];
  }

  async #notify(action: Of<"notify">): Promise<readonly Action[]> {
    const { directory, mail, userId, hostName, clock, random } = this.#parts;
    const target = parseMailto(action.method);
    const automatic = mail.root.headers.some(
      ({ name, value }) => name.toLowerCase() === "auto-submitted" && !/^\s*no\b/i.test(value),
    );
    // RFC 5436 §2.7.1: notices about notices would never end.
    if (target === undefined || automatic) return [];
    const user = await directory.findUser(userId);
    const ownAddress = user?.addresses[0] ?? `${userId}@${hostName}`;
    return target.to.map((recipient) => ({
      kind: "send",
      required: false,
      mail: {
        kind: "notify",
        userId,
        sender: "",
        recipient,
        bytes: buildNotification(target, recipient, action, {
          ownAddress,
          messageId: this.#newId(),
          boundary: random.bytes(12).toString("hex"),
          atMs: clock.nowMs(),
          originalFrom: this.#field("from"),
          originalSubject: this.#field("subject"),
        }),
        once: undefined,
      },
    }));
  }

  async #edited(headers: EditedHeaders): Promise<Buffer | undefined> {
    if (headers === undefined) return undefined;
    return printEdited(this.#parts.mail, headers, await this.#readWhole());
  }

  async #readWhole(): Promise<Buffer> {
    const { body } = this.#parts.message;
    return (this.#whole ??= await body.read(0, body.sizeBytes));
  }

  #field(name: string): string {
    return this.#parts.mail.root.headers.find((field) => field.name.toLowerCase() === name)?.value ?? "";
  }

  #newId(): string {
    return `${this.#parts.random.bytes(16).toString("hex")}@${this.#parts.hostName}`;
  }

  #note(event: string, fields: Readonly<Record<string, unknown>>): void {
    this.#parts.log.info(event, { id: this.#parts.envelope.id, user: this.#parts.userId, ...fields });
  }
}

/** Flags of the script; those that no mailbox takes are left out (RFC 5232 §2). */
function marksOf(flags: readonly string[]): Marks {
  if (flags.length === 0) return NO_MARKS;
  let systemFlags = 0;
  const keywords: string[] = [];
  for (const flag of flags) {
    const bit = SYSTEM_FLAGS.get(flag.toLowerCase());
    if (bit !== undefined) systemFlags |= bit;
    else if (KEYWORD.test(flag)) keywords.push(flag);
  }
  return { systemFlags, keywords };
}
