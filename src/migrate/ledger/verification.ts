/** What a comparison of both sides found; kept as JSON in the ledger. */
export type VerifyLevel = "sizes" | "digests";

export interface Loss {
  /** At the source; 0 = the folder as a whole. */
  readonly uid: number;
  readonly reason: string;
}

export interface FolderVerification {
  readonly source: string;
  readonly target: string;
  readonly sourceMessages: number;
  readonly sourceBytes: number;
  readonly targetMessages: number;
  readonly targetBytes: number;
  /** At the target only: delivered there, or kept though the source has them no more. */
  readonly extraMessages: number;
  /** New at the source since the last run: the next one copies them. */
  readonly pendingMessages: number;
  readonly lossCount: number;
  /** The first thousand. */
  readonly losses: readonly Loss[];
}

export interface Verification {
  readonly source: string;
  readonly sourceUid: string;
  readonly atMs: number;
  readonly level: VerifyLevel;
  readonly losses: number;
  readonly folders: readonly FolderVerification[];
}
