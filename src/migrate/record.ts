/** The record of a migration as the API shows it (S4.31–S4.34). Fields that have no value yet are absent. */
import type { Progress } from "./engine.ts";
import type { JobDetail, MigrationStatus, Phase } from "./model.ts";

export interface MigrationRecord {
  readonly id: number;
  readonly sourceUid: string;
  readonly created: string;
  readonly status: MigrationStatus;
  readonly phase: Phase;
  readonly priority: boolean;
  readonly dryRun?: boolean;
  readonly attempts?: number;
  readonly notBefore?: string;
  readonly started?: string;
  readonly stopped?: string;
  /** `target/name` of the worker. */
  readonly backend?: string;
  readonly modified: string;
  /** Of a running migration. */
  readonly progress?: Progress;
  /** One object an operation, under its name, in the order in which they ran. */
  readonly details?: readonly Readonly<Record<string, Omit<JobDetail, "operation">>>[];
  readonly targetMessageCount?: number;
  readonly targetMailboxSize?: number;
  readonly sourceMessageCount?: number;
  readonly sourceMailboxSize?: number;
  readonly expungedMessageCount?: number;
  readonly syncMessageCount?: number;
  readonly syncSpeed?: number;
  readonly error?: string;
}

/** A record with whom it is about, for lists over sources. */
export interface JournalEntry {
  readonly source: string;
  readonly sourceHost: string;
  readonly target: string;
  readonly targetUid: string;
  readonly record: MigrationRecord;
}
