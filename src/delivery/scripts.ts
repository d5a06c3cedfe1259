/**
 * Users' Sieve scripts: the one place that reads and writes the mailboxes `#sieve`. ManageSieve, the command line and
 * delivery come here.
 *
 * Promises: a name stands for one script; at most one is active (should a crash or a conflict of replicas leave two
 * flagged, the one flagged last); a script that was taken compiles. Changes of one user run one after the other.
 */
import { isUtf8 } from "node:buffer";
import type { Clock } from "../base/io/clock.ts";
import type { Random } from "../base/io/random.ts";
import { Lru } from "../base/lru.ts";
import { toUid, type Uid } from "../base/numbers.ts";
import { SieveSyntaxError } from "../sieve/errors.ts";
import { defaultSieveLimits, type SieveLimits } from "../sieve/limits.ts";
import { SieveScript } from "../sieve/script.ts";
import { warningsOf } from "../sieve/warnings.ts";
import { type Guid, type Mailbox, type MailboxName, SystemFlag, type UserId } from "../store/model.ts";
import { inboxOf } from "../store/names.ts";
import type { NewMessage, Store } from "../store/port.ts";
import { parseScriptMessage, printScriptMessage, type ScriptMessage } from "./script-message.ts";
import { ScriptRefusal } from "./script-refusal.ts";
import type { SieveSettings } from "./sieve-options.ts";

export interface ScriptsPorts {
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
  readonly settings: SieveSettings;
  /** Domain of the default users' addresses in script messages; "" = none yet. */
  readonly defaultDomain: () => string;
}

export interface ScriptEntry {
  readonly name: string;
  readonly isActive: boolean;
  readonly sizeBytes: number;
}

/** Script messages kept parsed, by GUID: small, and delivery asks for the same ones again and again. */
const MAX_REMEMBERED_SCRIPTS = 10_000;
const MAX_REMEMBERED_BYTES = 64 * 2 ** 20;
/** RFC 5804 §1.6 asks for 128 characters at least. */
const MAX_NAME_BYTES = 512;
const ID_LENGTH = 24;
const ID_LETTERS = "0123456789abcdefghijklmnopqrstuvwxyz";

interface Row extends ScriptMessage {
  readonly uid: Uid;
  readonly modseq: number;
  readonly flagged: boolean;
}

export function scriptsMailbox(userId: UserId): MailboxName {
  return `${inboxOf(userId)}.#sieve`;
}

export class Scripts {
  readonly limits: SieveLimits;
  readonly #ports: ScriptsPorts;
  readonly #turns = new Map<UserId, Promise<unknown>>();
  readonly #parsed = new Lru<Guid, ScriptMessage>({
    maxEntries: MAX_REMEMBERED_SCRIPTS,
    maxSize: MAX_REMEMBERED_BYTES,
    sizeOf: ({ content }) => content.length,
  });

  constructor(ports: ScriptsPorts) {
    this.#ports = ports;
    const { maxScriptSizeBytes, maxRedirects } = ports.settings;
    this.limits = { ...defaultSieveLimits, maxScriptBytes: maxScriptSizeBytes, maxRedirects };
  }

  /** By name. @throws StoreError */
  async list(userId: UserId): Promise<readonly ScriptEntry[]> {
    const rows = await this.#rows(userId);
    const active = activeOf(rows);
    return rows.map((row) => ({
      name: row.name,
      isActive: row === active,
      sizeBytes: row.content.length,
    }));
  }

  async find(userId: UserId, name: string): Promise<Buffer | undefined> {
    return (await this.#rows(userId)).find((row) => row.name === name)?.content;
  }

  /** What delivery runs: cheap when the user has no scripts and when they are known. */
  async findActive(userId: UserId): Promise<{ readonly guid: Guid; readonly content: Buffer } | undefined> {
    const mailbox = this.#mailbox(userId);
    if (mailbox === undefined || mailbox.exists === 0) return undefined;
    const view = await this.#ports.store.open(mailbox.id);
    try {
      let best = -1;
      for (let index = 0; index < view.count; index += 1) {
        if (((view.systemFlags[index] ?? 0) & SystemFlag.flagged) === 0) continue;
        if (best < 0 || (view.modseqs[index] ?? 0) > (view.modseqs[best] ?? 0)) best = index;
      }
      if (best < 0) return undefined;
      const guid = view.guid(best);
      const { content } = await this.#read(mailbox, toUid(view.uids[best] ?? 0), guid);
      return { guid, content };
    } finally {
      view.release();
    }
  }

  /** What its author should know of a script that is right. @throws ScriptRefusal script_invalid, too_big */
  check(content: Buffer): readonly string[] {
    if (content.length > this.limits.maxScriptBytes) {
      throw new ScriptRefusal("script_too_big", `script is larger than ${this.limits.maxScriptBytes} bytes`);
    }
    if (!isUtf8(content)) throw new ScriptRefusal("script_invalid", "the script is not UTF-8");
    const source = content.toString("utf8");
    try {
      // Compiling is the check.
      void new SieveScript(source, this.limits);
      return warningsOf(source, this.limits).map(
        ({ position: { line, column }, text }) => `line ${line}, column ${column}: ${text}`,
      );
    } catch (error) {
      if (!(error instanceof SieveSyntaxError)) throw error;
      throw new ScriptRefusal("script_invalid", error.message, { cause: error });
    }
  }

  /** Would a script of this size be taken (HAVESPACE)? @throws ScriptRefusal, StoreError over_quota */
  async checkSpace(userId: UserId, name: string, sizeBytes: number): Promise<void> {
    checkName(name);
    if (sizeBytes > this.limits.maxScriptBytes) {
      throw new ScriptRefusal("script_too_big", `script is larger than ${this.limits.maxScriptBytes} bytes`);
    }
    const rows = await this.#rows(userId);
    if (!rows.some((row) => row.name === name)) this.#checkCount(rows);
  }

  /** Adds or replaces; an active script stays active. Gives the warnings of `check`. @throws ScriptRefusal, StoreError */
  put(userId: UserId, name: string, content: Buffer): Promise<readonly string[]> {
    checkName(name);
    const warnings = this.check(content);
    return this.#inTurn(userId, async () => {
      const mailbox = await this.#ensureMailbox(userId);
      const rows = await this.#rows(userId);
      const old = rows.find((row) => row.name === name);
      if (old === undefined) this.#checkCount(rows);
      await this.#write(userId, mailbox, { name, id: old?.id ?? this.#newId(), content }, old, rows);
      return warnings;
    });
  }

  /** "" = none. @throws ScriptRefusal script_not_found */
  setActive(userId: UserId, name: string): Promise<void> {
    return this.#inTurn(userId, async () => {
      const rows = await this.#rows(userId);
      const wanted = name === "" ? undefined : rowNamed(rows, name);
      const mailbox = this.#mailbox(userId);
      if (mailbox === undefined || (wanted !== undefined && activeOf(rows) === wanted)) return;
      // First the new one: between the two commits the one flagged last counts, so there is never none.
      if (wanted !== undefined) await this.#flag(userId, mailbox, [wanted.uid], "add");
      const others = rows.filter((row) => row.flagged && row !== wanted).map(({ uid }) => uid);
      if (others.length > 0) await this.#flag(userId, mailbox, others, "remove");
    });
  }

  /** @throws ScriptRefusal script_not_found, script_active */
  delete(userId: UserId, name: string): Promise<void> {
    return this.#inTurn(userId, async () => {
      const rows = await this.#rows(userId);
      const row = rowNamed(rows, name);
      if (row === activeOf(rows))
        throw new ScriptRefusal("script_active", "the active script cannot be deleted");
      const mailbox = this.#ports.store.mailboxes.get(scriptsMailbox(userId));
      await this.#ports.store.expunge(mailbox.id, [row.uid], { onlyDeleted: false }, actor(userId));
    });
  }

  /** @throws ScriptRefusal script_not_found, script_exists */
  rename(userId: UserId, name: string, newName: string): Promise<void> {
    checkName(newName);
    return this.#inTurn(userId, async () => {
      const rows = await this.#rows(userId);
      const row = rowNamed(rows, name);
      if (rows.some((other) => other.name === newName)) {
        throw new ScriptRefusal("script_exists", `there is a script ${JSON.stringify(newName)} already`);
      }
      const mailbox = this.#ports.store.mailboxes.get(scriptsMailbox(userId));
      await this.#write(userId, mailbox, { ...row, name: newName }, row, rows);
    });
  }

  #checkCount(rows: readonly Row[]): void {
    const { maxScripts } = this.#ports.settings;
    if (rows.length >= maxScripts) {
      throw new ScriptRefusal("too_many_scripts", `a user may have ${maxScripts} scripts`);
    }
  }

  #mailbox(userId: UserId): Mailbox | undefined {
    const mailbox = this.#ports.store.mailboxes.find(scriptsMailbox(userId));
    return mailbox === undefined || mailbox.intermediate ? undefined : mailbox;
  }

  async #ensureMailbox(userId: UserId): Promise<Mailbox> {
    return (
      this.#mailbox(userId) ?? (await this.#ports.store.create(scriptsMailbox(userId), { type: "sieve" }))
    );
  }

  /** By name; of two messages with one name (replicas in conflict) the later one counts. */
  async #rows(userId: UserId): Promise<readonly Row[]> {
    const mailbox = this.#mailbox(userId);
    if (mailbox === undefined) return [];
    const view = await this.#ports.store.open(mailbox.id);
    try {
      const rows = new Map<string, Row>();
      const found = Array.from({ length: view.count }, (_, index) => ({
        uid: toUid(view.uids[index] ?? 0),
        guid: view.guid(index),
        modseq: view.modseqs[index] ?? 0,
        flagged: ((view.systemFlags[index] ?? 0) & SystemFlag.flagged) !== 0,
      }));
      for (const { uid, guid, modseq, flagged } of found) {
        const script = await this.#read(mailbox, uid, guid);
        rows.set(script.name, { ...script, uid, modseq, flagged });
      }
      return [...rows.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
    } finally {
      view.release();
    }
  }

  async #read(mailbox: Mailbox, uid: Uid, guid: Guid): Promise<ScriptMessage> {
    const known = this.#parsed.get(guid);
    if (known !== undefined) return known;
    const script = parseScriptMessage(await this.#ports.store.readBody(mailbox.id, uid));
    this.#parsed.set(guid, script);
    return script;
  }

  async #write(
    userId: UserId,
    mailbox: Mailbox,
    script: ScriptMessage,
    old: Row | undefined,
    rows: readonly Row[],
  ): Promise<void> {
    const { store, clock, random } = this.#ports;
    const domain = this.#ports.defaultDomain();
    const from = userId.includes("@") || domain === "" ? userId : `${userId}@${domain}`;
    const messageId = `${random.bytes(20).toString("hex")}@${from.slice(from.lastIndexOf("@") + 1)}`;
    const bytes = printScriptMessage(script, { from, messageId, atMs: clock.nowMs() });
    const body = store.stageBuffer(bytes);
    const message: NewMessage = {
      body,
      systemFlags: old !== undefined && old === activeOf(rows) ? SystemFlag.flagged : 0,
      keywords: [],
    };
    try {
      if (old === undefined) await store.append(mailbox.id, [message], actor(userId));
      else await store.replace(mailbox.id, old.uid, mailbox.id, message, actor(userId));
    } finally {
      body.release();
    }
  }

  async #flag(userId: UserId, mailbox: Mailbox, uids: readonly Uid[], mode: "add" | "remove"): Promise<void> {
    const change = { mode, systemFlags: SystemFlag.flagged, keywords: [] } as const;
    await this.#ports.store.storeFlags(mailbox.id, uids, change, actor(userId));
  }

  #newId(): string {
    return Array.from({ length: ID_LENGTH }, () => ID_LETTERS[this.#ports.random.below(36)]).join("");
  }

  #inTurn<Result>(userId: UserId, work: () => Promise<Result>): Promise<Result> {
    const before = this.#turns.get(userId) ?? Promise.resolve();
    const result = before.then(work, work);
    this.#turns.set(userId, result);
    const done = (): void => {
      if (this.#turns.get(userId) === result) this.#turns.delete(userId);
    };
    result.then(done, done);
    return result;
  }
}

function activeOf(rows: readonly Row[]): Row | undefined {
  let active: Row | undefined;
  for (const row of rows)
    if (row.flagged && (active === undefined || row.modseq > active.modseq)) active = row;
  return active;
}

function rowNamed(rows: readonly Row[], name: string): Row {
  const row = rows.find((one) => one.name === name);
  if (row === undefined) {
    throw new ScriptRefusal("script_not_found", `there is no script ${JSON.stringify(name)}`);
  }
  return row;
}

/** RFC 5804 §1.6: no control characters, no line or paragraph separators. */
function checkName(name: string): void {
  // What a header takes away at its ends would not be found again.
  if (name === "" || name.trim() !== name || /[\p{Cc}\u2028\u2029]/u.test(name)) {
    throw new ScriptRefusal("script_name_invalid", "the name of the script is not valid");
  }
  if (Buffer.byteLength(name) > MAX_NAME_BYTES) {
    throw new ScriptRefusal("script_name_invalid", "the name of the script is too long");
  }
}

function actor(userId: UserId): { userId: UserId; sessionId: number } {
  return { userId, sessionId: 0 };
}
