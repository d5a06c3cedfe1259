/**
 * Waves: users of a source that are migrated together, within windows of the day. Jobs of a wave that is paused or whose
 * window is closed are not begun, and pre-syncs that run are given back; a cutover that has begun is finished.
 */
import type { SqlDatabase, SqlRow, SqlStatement } from "../../base/io/sql/port.ts";
import { numberOf, textOf } from "../database/row.ts";
import type { SharedClock } from "../database/shared-clock.ts";
import type { WorkSignal } from "../database/work-signal.ts";
import { MigrateError } from "../errors.ts";
import type { MigrationStatus, Phase } from "../model.ts";
import { checkTimeZone, isOpen, parseWindow, printWindow, type Window } from "./window.ts";

export type WaveState = "RUNNING" | "PAUSED";

export interface Wave {
  readonly name: string;
  readonly source: string;
  readonly state: WaveState;
  readonly windows: readonly string[];
  readonly timeZone: string;
}

/** Users of a wave by where they stand: their latest migration. */
export interface WaveCount {
  /** undefined = never submitted. */
  readonly phase: Phase | undefined;
  readonly status: MigrationStatus | undefined;
  readonly count: number;
}

export interface NewWave {
  readonly name: string;
  readonly source: string;
  readonly windows: readonly string[];
  readonly timeZone: string;
}

const NAME = /^[\w.-]{1,100}$/;
/** Users put into a wave by one statement each, so many to a commit. */
const BATCH = 500;

export class Waves {
  readonly #database: SqlDatabase;
  readonly #clock: SharedClock;
  readonly #work: WorkSignal;

  constructor(database: SqlDatabase, clock: SharedClock, work: WorkSignal) {
    this.#database = database;
    this.#clock = clock;
    this.#work = work;
  }

  /** @throws MigrateError invalid | conflict | not_found */
  async create({ name, source, windows, timeZone }: NewWave): Promise<void> {
    if (!NAME.test(name)) {
      throw new MigrateError("invalid", `"${name}" is no name of a wave: letters, digits, "_", "." and "-"`);
    }
    checkTimeZone(timeZone);
    const printed = windows.map((window) => printWindow(parseWindow(window)));
    const [known] = await this.#database.query("SELECT name FROM migrate_sources WHERE name = $1", [source]);
    if (known === undefined) throw new MigrateError("not_found", `there is no source "${source}"`);
    const nowMs = this.#clock.nowMs();
    const made = await this.#database.batch([
      {
        sql: `INSERT INTO migrate_waves (name, source, state, windows, time_zone, created, modified)
          VALUES ($1, $2, 'RUNNING', $3, $4, $5, $5) ON CONFLICT (name) DO NOTHING`,
        values: [name, source, JSON.stringify(printed), timeZone, nowMs],
        expectedChanges: 1,
      },
    ]);
    if (made === undefined) throw new MigrateError("conflict", `wave "${name}" exists`);
  }

  /** Users who are in another wave move over. Answers those that the source does not have. */
  async addUsers({ name, source }: Wave, sourceUids: readonly string[]): Promise<readonly string[]> {
    const unknown: string[] = [];
    for (let at = 0; at < sourceUids.length; at += BATCH) {
      const uids = sourceUids.slice(at, at + BATCH);
      const counts = await this.#database.batch(
        uids.map((uid): SqlStatement => ({
          sql: "UPDATE migrate_users SET wave = $1 WHERE source = $2 AND source_uid = $3",
          values: [name, source, uid],
        })),
      );
      unknown.push(...uids.filter((_, i) => counts?.[i] === 0));
    }
    return unknown;
  }

  async list(): Promise<readonly Wave[]> {
    return (await this.#database.query("SELECT * FROM migrate_waves ORDER BY created, name")).map(toWave);
  }

  /** @throws MigrateError not_found */
  async get(name: string): Promise<Wave> {
    const [row] = await this.#database.query("SELECT * FROM migrate_waves WHERE name = $1", [name]);
    if (row === undefined) throw new MigrateError("not_found", `there is no wave "${name}"`);
    return toWave(row);
  }

  /** In order, those behind `after`. */
  async users(name: string, after: string, limit: number): Promise<readonly string[]> {
    const rows = await this.#database.query(
      "SELECT source_uid FROM migrate_users WHERE wave = $1 AND source_uid > $2 ORDER BY source_uid LIMIT $3",
      [name, after, limit],
    );
    return rows.map((row) => textOf(row, "source_uid"));
  }

  /** Users whose latest migration of all is a cutover that ended well: those whom a rollback concerns. */
  async cutOver(name: string, after: string, limit: number): Promise<readonly string[]> {
    const rows = await this.#database.query(
      `SELECT u.source_uid FROM migrate_users u JOIN migrate_journal j ON j.id = (
          SELECT max(id) FROM migrate_journal l WHERE l.source = u.source AND l.source_uid = u.source_uid AND l.dry_run = 0)
        WHERE u.wave = $1 AND u.source_uid > $2 AND j.phase = 'CUTOVER' AND j.status = 'SUCCESS'
        ORDER BY u.source_uid LIMIT $3`,
      [name, after, limit],
    );
    return rows.map((row) => textOf(row, "source_uid"));
  }

  async counts(name: string): Promise<readonly WaveCount[]> {
    const rows = await this.#database.query(
      `SELECT j.phase, j.status, count(*) AS n FROM migrate_users u LEFT JOIN migrate_journal j ON j.id = (
          SELECT max(id) FROM migrate_journal l WHERE l.source = u.source AND l.source_uid = u.source_uid)
        WHERE u.wave = $1 GROUP BY j.phase, j.status ORDER BY j.phase, j.status`,
      [name],
    );
    return rows.map((row) => ({
      phase: row["phase"] === null ? undefined : (textOf(row, "phase") as Phase),
      status: row["status"] === null ? undefined : (textOf(row, "status") as MigrationStatus),
      count: numberOf(row, "n"),
    }));
  }

  /** @throws MigrateError not_found */
  async setState(name: string, state: WaveState): Promise<void> {
    const changed = await this.#database.batch([
      {
        sql: "UPDATE migrate_waves SET state = $2, modified = $3 WHERE name = $1",
        values: [name, state, this.#clock.nowMs()],
        expectedChanges: 1,
      },
    ]);
    if (changed === undefined) await this.get(name);
    this.#work.notify();
  }

  /** Its users stay, in no wave. @throws MigrateError not_found | in_use */
  async remove(name: string): Promise<void> {
    await this.get(name);
    const removed = await this.#database.batch([
      {
        sql: `DELETE FROM migrate_waves WHERE name = $1 AND NOT EXISTS (
          SELECT 1 FROM migrate_journal WHERE wave = $1 AND status IN ('READY', 'SYNC'))`,
        values: [name],
        expectedChanges: 1,
      },
      { sql: "UPDATE migrate_users SET wave = NULL WHERE wave = $1", values: [name] },
    ]);
    if (removed === undefined) throw new MigrateError("in_use", `migrations of wave "${name}" are under way`);
  }

  /** Waves whose jobs wait now. */
  async closed(): Promise<readonly string[]> {
    const nowMs = this.#clock.nowMs();
    const waves = await this.list();
    return waves.filter((wave) => !isRunning(wave, nowMs)).map(({ name }) => name);
  }
}

export function isRunning({ state, windows, timeZone }: Wave, nowMs: number): boolean {
  return state === "RUNNING" && isOpen(windows.map(readWindow), timeZone, nowMs);
}

const windows = new Map<string, Window>();
const MAX_WINDOWS = 1_000;

/** Looked at with every take. */
function readWindow(text: string): Window {
  const known = windows.get(text);
  if (known !== undefined) return known;
  if (windows.size >= MAX_WINDOWS) windows.clear();
  const window = parseWindow(text);
  windows.set(text, window);
  return window;
}

function toWave(row: SqlRow): Wave {
  return {
    name: textOf(row, "name"),
    source: textOf(row, "source"),
    state: textOf(row, "state") as WaveState,
    windows: JSON.parse(textOf(row, "windows")) as string[],
    timeZone: textOf(row, "time_zone"),
  };
}
