/** Where the copying of one folder stands: everything that a run without changes needs to know. */
export interface FolderCursor {
  /** Levels of the name at the target. */
  readonly target: readonly string[];
  readonly uidValidity: number;
  /** Messages with lower UIDs are in the ledger. */
  readonly uidNext: number;
  /** 0 = the source has no CONDSTORE. */
  readonly highestModseq: number;
  /** As the source counted them. */
  readonly messages: number;
  readonly unseen: number;
  /** False while something of the last run is still to be done, whatever the source's counters say. */
  readonly complete: boolean;
  /** Messages have the same UIDs on both sides. */
  readonly keepsUids: boolean;
  readonly targetUidValidity: number;
  /** The next UID at the target after our own last message: what is above came from somebody else, or from a run that died. */
  readonly targetUidNext: number;
  /** OBJECTID (RFC 8474) of the source; "" = none. */
  readonly mailboxId: string;
  /** What was carried over of the folder itself, so that changes are seen: subscription, special use, rights. */
  readonly attributes: string;
  /** The source numbers its messages anew and the target is to follow, when all of them are there. */
  readonly renumbers?: boolean;
  /** Since then: UIDs at the target of what was copied before; those that are not recognised go. */
  readonly former?: string;
  readonly counts: OutcomeCounts;
}

export interface OutcomeCounts {
  readonly saved: number;
  readonly already: number;
  readonly skipped: number;
  readonly missing: number;
  readonly deleted: number;
  readonly storedBytes: number;
}

export const NO_COUNTS: OutcomeCounts = {
  saved: 0,
  already: 0,
  skipped: 0,
  missing: 0,
  deleted: 0,
  storedBytes: 0,
};

/** Everything that is not at the target though the source has it. */
export function lossesOf({ skipped, missing }: OutcomeCounts): number {
  return skipped + missing;
}
