/**
 * What happened to every message of every user, and where each folder stands. One query tells a run what it needs to see
 * that nothing has changed; writes go in batches that the fence of the job guards.
 */
import { assert } from "../../base/assert.ts";
import type { SqlDatabase, SqlStatement } from "../../base/io/sql/port.ts";
import { updateSchema } from "../../base/io/sql/schema.ts";
import type { FolderCursor } from "./cursor.ts";
import { FolderLedger, LeaseLostError } from "./folder-ledger.ts";
import { LEDGER_NAME, LEDGER_SCHEMA } from "./schema.ts";

/** A user of a source, as S4.27 has it. */
export interface LedgerUser {
  readonly source: string;
  readonly sourceUid: string;
}

/** For a batch that does more: what the last verification lists stands no longer against the cutover. */
export function acceptedLosses({ source, sourceUid }: LedgerUser): SqlStatement {
  return {
    sql: "UPDATE migrate_verifications SET losses = 0 WHERE source = $1 AND source_uid = $2 AND losses > 0",
    values: [source, sourceUid],
  };
}

export class Ledger {
  readonly #database: SqlDatabase;

  private constructor(database: SqlDatabase) {
    this.#database = database;
  }

  /** Makes or updates its tables. @throws SqlError */
  static async open(database: SqlDatabase): Promise<Ledger> {
    await updateSchema(database, LEDGER_NAME, LEDGER_SCHEMA);
    return new Ledger(database);
  }

  /** By name at the source. */
  async folders(user: LedgerUser, fence?: SqlStatement): Promise<Map<string, FolderLedger>> {
    const rows = await this.#database.query(
      "SELECT id, source_folder, cursor_json FROM migrate_folders WHERE source = $1 AND source_uid = $2 ORDER BY source_folder",
      [user.source, user.sourceUid],
    );
    return new Map(
      rows.map((row) => {
        const sourceFolder = String(row["source_folder"]);
        const cursor = JSON.parse(String(row["cursor_json"])) as FolderCursor;
        return [sourceFolder, this.#folder(Number(row["id"]), sourceFolder, cursor, fence)];
      }),
    );
  }

  /** In one batch; answers them in the given order. */
  async addFolders(
    user: LedgerUser,
    folders: readonly { readonly sourceFolder: string; readonly cursor: FolderCursor }[],
    fence?: SqlStatement,
  ): Promise<readonly FolderLedger[]> {
    if (folders.length === 0) return [];
    await this.#guarded(
      fence,
      ...folders.map(({ sourceFolder, cursor }) => ({
        sql: "INSERT INTO migrate_folders (source, source_uid, source_folder, cursor_json) VALUES ($1, $2, $3, $4) ON CONFLICT (source, source_uid, source_folder) DO UPDATE SET cursor_json = excluded.cursor_json",
        values: [user.source, user.sourceUid, sourceFolder, JSON.stringify(cursor)],
      })),
    );
    const all = await this.folders(user, fence);
    return folders.map(({ sourceFolder }) => {
      const found = all.get(sourceFolder);
      assert(found !== undefined, "a folder that was just added is not in the ledger");
      return found;
    });
  }

  /** The source renamed it. */
  async renameFolder(
    folder: FolderLedger,
    sourceFolder: string,
    fence?: SqlStatement,
  ): Promise<FolderLedger> {
    await this.#guarded(fence, {
      sql: "UPDATE migrate_folders SET source_folder = $2, cursor_json = $3 WHERE id = $1",
      values: [folder.id, sourceFolder, JSON.stringify(folder.cursor)],
    });
    return this.#folder(folder.id, sourceFolder, folder.cursor, fence);
  }

  async removeFolder(folder: FolderLedger, fence?: SqlStatement): Promise<void> {
    await this.#guarded(
      fence,
      { sql: "DELETE FROM migrate_remarks WHERE folder = $1", values: [folder.id] },
      { sql: "DELETE FROM migrate_chunks WHERE folder = $1", values: [folder.id] },
      { sql: "DELETE FROM migrate_folders WHERE id = $1", values: [folder.id] },
    );
  }

  /** Users with at least one folder, in order; for reports over all. */
  async users(): Promise<readonly LedgerUser[]> {
    const rows = await this.#database.query(
      "SELECT DISTINCT source, source_uid FROM migrate_folders ORDER BY source, source_uid",
    );
    return rows.map((row) => ({ source: String(row["source"]), sourceUid: String(row["source_uid"]) }));
  }

  async saveVerification(
    user: LedgerUser,
    verification: { readonly atMs: number; readonly losses: number; readonly json: string },
    fence?: SqlStatement,
  ): Promise<void> {
    await this.#guarded(fence, {
      sql: "INSERT INTO migrate_verifications (source, source_uid, at_ms, losses, result_json) VALUES ($1, $2, $3, $4, $5) ON CONFLICT (source, source_uid) DO UPDATE SET at_ms = excluded.at_ms, losses = excluded.losses, result_json = excluded.result_json",
      values: [user.source, user.sourceUid, verification.atMs, verification.losses, verification.json],
    });
  }

  /** The last one. */
  async verification(user: LedgerUser): Promise<{ atMs: number; losses: number; json: string } | undefined> {
    const [row] = await this.#database.query(
      "SELECT at_ms, losses, result_json FROM migrate_verifications WHERE source = $1 AND source_uid = $2",
      [user.source, user.sourceUid],
    );
    if (row === undefined) return undefined;
    return { atMs: Number(row["at_ms"]), losses: Number(row["losses"]), json: String(row["result_json"]) };
  }

  /** The operator has seen the report: what it lists stands no longer against the cutover. False = nothing to accept. */
  async acceptLosses(user: LedgerUser): Promise<boolean> {
    const changed = await this.#database.batch([acceptedLosses(user)]);
    return (changed?.[0] ?? 0) > 0;
  }

  /**
   * Why the user must not be cut over yet; undefined = nothing stands against it. Asked by the worker before CUTOVER unless
   * the losses were accepted.
   */
  async whyNotCutOver(user: LedgerUser): Promise<string | undefined> {
    const last = await this.verification(user);
    if (last === undefined || last.losses === 0) return undefined;
    const when = new Date(last.atMs).toISOString();
    return `the verification of ${when} lists ${last.losses} losses: see the report, or accept them`;
  }

  #folder(
    id: number,
    sourceFolder: string,
    cursor: FolderCursor,
    fence: SqlStatement | undefined,
  ): FolderLedger {
    return new FolderLedger({ database: this.#database, fence, id, sourceFolder, cursor });
  }

  async #guarded(fence: SqlStatement | undefined, ...statements: readonly SqlStatement[]): Promise<void> {
    const all = fence === undefined ? statements : [fence, ...statements];
    if ((await this.#database.batch(all)) === undefined) {
      throw new LeaseLostError("the job is held by somebody else: nothing is written");
    }
  }
}
