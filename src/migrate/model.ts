/**
 * What the scheduler, the database and the worker speak of. Field names are those of the Dovecot Migration Framework's
 * API (S4.20–S4.34), so that its clients and its tables are recognised at once.
 */
export type SyncPhase = "PRE_SYNC" | "CUTOVER";
/** ROLLBACK takes the route of a user who was cut over back to his source: its hooks, no copying. */
export type Phase = SyncPhase | "ROLLBACK";

/** READY waits in the queue; SYNC runs; the others are final (S4.31, S4.32). */
export type MigrationStatus = "READY" | "SYNC" | "SUCCESS" | "FAILED" | "ABORTED";

/** A system that users come from, with the key of its customer. */
export interface Source extends SourceRules {
  readonly name: string;
  readonly apiKey: string;
}

export interface SourceRules {
  /** Names and patterns of target uids that its users may have; undefined = all. */
  readonly targetUids?: readonly string[] | undefined;
}

export interface SourceHost {
  readonly source: string;
  readonly name: string;
  /** Migrations of this host at a time, over all workers. */
  readonly maxConnections: number;
  readonly migrationCommand1: string;
  readonly migrationCommand2: string;
  readonly statusCommand: string;
  /** Messages and bytes a second over all workers; 0 = no limit. */
  readonly maxMessagesPerSecond: number;
  readonly maxBytesPerSecond: number;
}

export interface MigrationUser {
  readonly source: string;
  readonly sourceUid: string;
  readonly targetUid: string;
  readonly target: string;
  readonly sourceHost: string;
  readonly sourcePort: number | undefined;
  /** Decrypted on its way to an engine only. */
  readonly password: string | undefined;
  readonly email: string | undefined;
  readonly imapcOptions: readonly string[];
  readonly useImapcSsl: boolean | undefined;
  readonly excludeFolders: readonly string[];
}

/** A job as a worker holds it. */
export interface MigrationJob {
  readonly id: number;
  readonly user: MigrationUser;
  readonly host: SourceHost;
  readonly phase: Phase;
  readonly priority: boolean;
  readonly dryRun: boolean;
  /** Grows with every lease of the job: what an older holder writes is refused. */
  readonly fence: number;
  readonly attempt: number;
  /** How often it went back into the queue since what stood in its way may pass: `JobResult.retry`. */
  readonly pauses: number;
}

/** One step of a migration as the record shows it (S4.34). */
export interface JobDetail {
  /** "count local mailbox pre sync", "dsync", "count local mailbox post sync", "count remote mailbox" … */
  readonly operation: string;
  readonly success: boolean;
  /** With secrets as `<hidden>`. */
  readonly command: string;
  readonly exitCode: number;
  readonly attempts?: number;
  readonly errors?: readonly string[];
  /** Messages saved by mailbox. */
  readonly saved?: Readonly<Record<string, number>>;
  readonly expunged?: number;
}

export interface JobResult {
  readonly status: "SUCCESS" | "FAILED" | "ABORTED";
  readonly details: readonly JobDetail[];
  readonly syncMessageCount: number;
  readonly expungedMessageCount: number;
  /** Milliseconds of the copying alone (S4.37). */
  readonly syncSpeed: number;
  readonly sourceMessageCount?: number;
  readonly sourceMailboxSize?: number;
  readonly targetMessageCount?: number;
  readonly targetMailboxSize?: number;
  readonly error?: string;
  /** Of a FAILED one whose reason may pass: the job goes back into the queue and says it there, `pauses` times at most. */
  readonly retry?: { readonly afterMs: number; readonly pauses: number };
}
