/** What a run has done, gathered while it goes on, as the record shows it (S4.33, S4.34). */
import type { EngineContext } from "../engine.ts";
import type { JobDetail, JobResult } from "../model.ts";

export class JobReport {
  readonly #context: EngineContext;
  readonly #saved: Record<string, number> = {};
  readonly #errors: string[] = [];
  #expunged = 0;
  #recorded = 0;
  #done = 0;
  #doneBytes = 0;
  #folder = "";
  readonly description: string;
  attempts = 0;
  messagesTotal = 0;
  bytesTotal = 0;
  copyMs = 0;
  source: { messages: number; bytes: number } | undefined;
  targetBefore: number | undefined;
  target: { messages: number; bytes: number } | undefined;

  constructor(context: EngineContext, description: string) {
    this.#context = context;
    this.description = description;
  }

  get savedMessages(): number {
    return Object.values(this.#saved).reduce((sum, count) => sum + count, 0);
  }

  /** Grows with everything that is recorded: a run that connects anew and again gets no further is given up. */
  get recorded(): number {
    return this.#recorded;
  }

  enter(folder: string): void {
    this.#folder = folder;
    this.#tell();
  }

  /** New connections: what is there is counted again. */
  beginAttempt(): void {
    this.attempts++;
    this.#done = 0;
    this.#doneBytes = 0;
  }

  /** Done by earlier runs. */
  known(messages: number, bytes: number): void {
    this.#done += messages;
    this.#doneBytes += bytes;
    this.#tell();
  }

  copied(messages: number, bytes: number): void {
    this.#recorded += messages;
    this.known(messages, bytes);
  }

  saved(folder: string, messages: number): void {
    if (messages > 0) this.#saved[folder] = (this.#saved[folder] ?? 0) + messages;
  }

  expunged(messages: number): void {
    this.#expunged += messages;
  }

  /** Few of them: each is a folder or a connection, not a message. */
  problem(text: string): void {
    if (this.#errors.length < MAX_ERRORS) this.#errors.push(text);
  }

  result(status: JobResult["status"], error?: string): JobResult {
    const command = this.description;
    const isDone = status === "SUCCESS";
    const details: JobDetail[] = [];
    const step = (operation: string, success: boolean, more: Partial<JobDetail> = {}): void => {
      details.push({ operation, success, command, exitCode: success ? 0 : 1, ...more });
    };
    if (this.targetBefore !== undefined) step("count local mailbox pre sync", true);
    step("dsync", isDone, {
      attempts: Math.max(1, this.attempts),
      errors: error === undefined ? this.#errors : [...this.#errors, error],
      saved: this.#saved,
      expunged: this.#expunged,
    });
    if (this.target !== undefined) step("count local mailbox post sync", true);
    if (this.source !== undefined) step("count remote mailbox", true);
    return {
      status,
      details,
      syncMessageCount: this.savedMessages,
      expungedMessageCount: this.#expunged,
      syncSpeed: Math.round(this.copyMs),
      ...(this.source === undefined
        ? {}
        : { sourceMessageCount: this.source.messages, sourceMailboxSize: this.source.bytes }),
      ...(this.target === undefined
        ? {}
        : { targetMessageCount: this.target.messages, targetMailboxSize: this.target.bytes }),
      ...(error === undefined ? {} : { error }),
    };
  }

  #tell(): void {
    this.#context.progress({
      messagesTotal: this.messagesTotal,
      messagesDone: this.#done,
      bytesTotal: this.bytesTotal,
      bytesDone: this.#doneBytes,
      folder: this.#folder,
    });
  }
}

const MAX_ERRORS = 100;
