/**
 * Runs command frames: looks the command up, checks the state, runs it, tells what other sessions changed, answers.
 * The one place where errors become tagged lines; a bug ends only this session.
 */
import { StoreError } from "../store/errors.ts";
import type { Frame } from "./codec/framer.ts";
import { Reader } from "./codec/reader.ts";
import { lineText } from "./codec/writer.ts";
import type { Command, CommandCall, Completion } from "./command.ts";
import { bad, type ImapRefusal } from "./refusal.ts";
import { refusalOf } from "./reply.ts";
import type { Session } from "./session.ts";

interface Run {
  readonly frame: Frame;
  readonly command: Command;
  readonly call: CommandCall;
  readonly startedMs: number;
}

export class Dispatcher {
  readonly #session: Session;
  readonly #table: ReadonlyMap<string, Command>;
  readonly #goOn: () => void;
  #running: string | undefined;
  #badCommands = 0;

  /** `goOn` is called when the next command may be read. */
  constructor(session: Session, table: ReadonlyMap<string, Command>, goOn: () => void) {
    this.#session = session;
    this.#table = table;
    this.#goOn = goOn;
  }

  /** Name of what keeps the next command waiting; undefined between commands. */
  get running(): string | undefined {
    return this.#running;
  }

  find(name: string): Command | undefined {
    return this.#table.get(name);
  }

  /** Holds commands back for work between them; end it with `resume`. */
  hold(name: string): void {
    this.#running = name;
  }

  resume(): void {
    this.#running = undefined;
    this.#goOn();
  }

  execute(frame: Frame): void {
    const startedMs = this.#session.services.clock.monotonicMs();
    const reader = new Reader(frame);
    const tag = reader.tag();
    let call: CommandCall | undefined;
    let run: Run | undefined;
    try {
      if (tag === undefined) throw bad("Expected a tag");
      let name = reader.sp().keyword();
      const by = name === "UID" ? "uid" : "sequence";
      if (by === "uid") name = reader.sp().keyword();
      const command = this.#table.get(name);
      call = { tag, name: by === "uid" ? `UID ${name}` : name, by };
      if (command === undefined || (by === "uid" ? command.uid === false : command.uid === "only")) {
        throw bad(`Unknown command ${lineText(call.name)}`);
      }
      this.#checkState(command);
      run = { frame, command, call, startedMs };
      const start = command.prepare(reader, this.#session, call);
      this.#running = call.name;
      const result = start();
      if (result instanceof Promise) {
        const started = run;
        result.then(
          (completion) => this.#complete(started, completion),
          (error: unknown) => this.#fail(started, error),
        );
      } else this.#complete(run, result);
    } catch (error) {
      if (run !== undefined) this.#fail(run, error);
      else {
        const refusal = refusalOf(error);
        this.#finish(frame, call?.name ?? "", startedMs, refusal?.status ?? "BUG");
        if (refusal === undefined) this.crash(error, call?.name ?? "");
        else this.#refuseAndGoOn(tag, refusal);
      }
    }
  }

  refuse(tag: string | undefined, refusal: ImapRefusal): void {
    const session = this.#session;
    const code = refusal.code === undefined ? "" : `[${refusal.code}] `;
    session.out.ascii(`${tag ?? "*"} ${refusal.status} ${code}${lineText(refusal.message)}\r\n`);
    if (refusal.status === "BAD" && ++this.#badCommands >= session.services.settings.maxBadCommands) {
      session.bye("Too many bad commands");
    }
  }

  /** A bug, or the world failed under us: this session ends, the log has everything. */
  crash(error: unknown, command: string): void {
    const session = this.#session;
    session.services.log.error("session failed", {
      session: session.id,
      user: session.identity?.userId,
      command,
      err: error,
    });
    session.bye("Internal error");
  }

  #checkState(command: Command): void {
    const { identity, selectedOrUndefined } = this.#session;
    switch (command.state) {
      case "any":
        return;
      case "notAuthenticated":
        if (identity !== undefined) throw bad("Already logged in");
        return;
      case "authenticated":
        if (identity === undefined) throw bad("Log in first");
        return;
      case "selected":
        if (identity === undefined) throw bad("Log in first");
        if (selectedOrUndefined === undefined) throw bad("No mailbox is selected");
    }
  }

  #complete(run: Run, completion: Completion): void {
    this.#finish(run.frame, run.call.name, run.startedMs, completion?.status ?? "OK");
    if (this.#session.ended) return;
    this.#badCommands = 0;
    this.#tell(run, () => this.#answer(run.call, completion));
  }

  #fail({ frame, command, call, startedMs }: Run, error: unknown): void {
    const session = this.#session;
    const refusal = refusalOf(error);
    this.#finish(frame, call.name, startedMs, refusal?.status ?? "BUG");
    if (session.ended) return;
    if (refusal === undefined) {
      this.crash(error, call.name);
      return;
    }
    if (error instanceof StoreError && error.code !== "mailbox_not_found") {
      session.services.log.info("command refused", {
        session: session.id,
        command: call.name,
        err: error.message,
      });
    }
    const answer = (): void => this.#refuseAndGoOn(call.tag, refusal);
    if (refusal.status === "NO") this.#tell({ frame, command, call, startedMs }, answer);
    else answer();
  }

  /** What other sessions changed, then `answer`. */
  #tell({ command, call }: Run, answer: () => void): void {
    const session = this.#session;
    const told = session.tellUpdates({
      expunges: !(command.holdsExpunges && call.by === "sequence"),
      uids: call.by === "uid",
      asked: command.expunges,
      alone: true,
    });
    if (told === undefined) {
      if (!session.ended) answer();
      return;
    }
    this.#running = call.name;
    told.then(
      () => {
        if (session.ended) this.#ended();
        else answer();
      },
      (error: unknown) => {
        this.crash(error, call.name);
        this.#ended();
      },
    );
  }

  #answer(call: CommandCall, completion: Completion): void {
    const { status = "OK", code, text = `${call.name} completed`, afterwards } = completion ?? {};
    const { out } = this.#session;
    out.ascii(call.tag).ascii(status === "OK" ? " OK " : " NO ");
    if (code !== undefined) out.ascii("[").ascii(code).ascii("] ");
    out.ascii(text).ascii("\r\n");
    if (afterwards !== undefined) {
      out.flush();
      const more = afterwards();
      if (more instanceof Promise) {
        this.#running = call.name;
        more.then(
          () => this.resume(),
          (error: unknown) => this.crash(error, call.name),
        );
        return;
      }
    }
    this.resume();
  }

  #refuseAndGoOn(tag: string | undefined, refusal: ImapRefusal): void {
    this.refuse(tag, refusal);
    this.resume();
  }

  #finish(frame: Frame, name: string, startedMs: number, status: string): void {
    const { services } = this.#session;
    for (const { body } of frame.literals) if (!Buffer.isBuffer(body)) body.release();
    services.observe?.(name, status, services.clock.monotonicMs() - startedMs);
    this.#ended();
  }

  /** The session may have ended meanwhile: it left the mailbox to the command that was using it. */
  #ended(): void {
    this.#running = undefined;
    if (this.#session.ended) this.#session.select(undefined);
  }
}
