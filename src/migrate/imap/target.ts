/**
 * Where mail goes: the port that the engine copies into. Implementations: another IMAP server, Rookery's own store.
 *
 * Promises: what `append` answers as stored is durable. Nothing that is there already is touched but what the engine names.
 */
import type { Guid } from "../../store/model.ts";
import type { BodyWriter, NewNumbers, StagedBody } from "../../store/port.ts";
import type { MessageFlags } from "../../imap/client-fetch.ts";
import type { CopyMessage } from "./message.ts";
import type { TargetNames } from "./mapping.ts";

export interface TargetFolder {
  readonly path: readonly string[];
  readonly uidValidity: number;
  readonly uidNext: number;
  readonly messages: number;
  readonly isSubscribed: boolean;
  readonly specialUse: string | undefined;
  /** Messages may be given their UIDs of the source. */
  readonly keepsUids: boolean;
}

export interface NewFolder {
  readonly path: readonly string[];
  /** To be taken over where that is possible. */
  readonly uidValidity: number;
  readonly specialUse: string | undefined;
}

export interface FolderAttributes {
  readonly isSubscribed: boolean;
  readonly specialUse: string | undefined;
  /** Identifier → rights; empty = leave. */
  readonly acl: readonly (readonly [identifier: string, rights: string])[];
}

export type AppendOutcome =
  /** uid 0 = the target does not tell. */
  | { readonly kind: "saved" | "already"; readonly uid: number }
  /** This message cannot be stored there, now or later; the others can. */
  | { readonly kind: "refused"; readonly reason: string };

export interface TargetMessage {
  readonly uid: number;
  readonly sizeBytes: number;
  readonly guid: string;
}

/** Messages at the target that the ledger does not know: of a run that died, or from before. */
export interface Strays {
  readonly size: number;
  /** The UID of one with the same bytes and date, which then is no stray any more. */
  claim(message: StrayKey): Promise<number | undefined>;
  /** UIDs of all with the same bytes and date, ascending. */
  alike(message: StrayKey): Promise<readonly number[]>;
}

export type KnownUids = Pick<ReadonlySet<number>, "has">;

export type StrayKey = Pick<CopyMessage, "sizeBytes" | "internalDate" | "guid">;

/** The target has no room (or refuses for now): the run stops and says so, nothing is skipped, and it is tried again later. */
export class TargetFullError extends Error {
  override name = "TargetFullError";
}

export interface PreparedMessage {
  readonly guid: Guid;
  readonly body: Buffer | StagedBody;
}

export interface MailTarget {
  /** For records: host and port, or "store". */
  readonly description: string;
  readonly names: TargetNames;
  /** Larger messages are refused; undefined = it does not say. */
  readonly maxMessageBytes: number | undefined;
  list(): Promise<readonly TargetFolder[]>;
  /** Makes the folder with those above it unless it is there. */
  ensureFolder(folder: NewFolder): Promise<TargetFolder>;
  renameFolder(from: readonly string[], to: readonly string[]): Promise<void>;
  /** Differences are brought over; returns what could not be. */
  setAttributes(path: readonly string[], attributes: FolderAttributes): Promise<readonly string[]>;
  /** For a large message on its way. */
  stage(sizeBytes: number): BodyWriter;
  /** A message that has come whole: its digest, and the form in which `append` takes it. */
  prepare(bytes: Buffer): PreparedMessage;
  /** In order, one outcome each. @throws TargetFullError */
  append(
    folder: TargetFolder,
    messages: readonly CopyMessage[],
    keepUids: boolean,
  ): Promise<readonly AppendOutcome[]>;
  setFlags(
    folder: TargetFolder,
    changes: readonly { readonly uid: number; readonly flags: MessageFlags }[],
  ): Promise<void>;
  expunge(folder: TargetFolder, uids: readonly number[]): Promise<void>;
  /** Those with a UID of `fromUid` and above that are not `known`. */
  strays(folder: TargetFolder, fromUid: number, known: KnownUids): Promise<Strays>;
  /** Unless something is in it or below it. */
  removeFolder(path: readonly string[]): Promise<void>;
  /** Brings the counters of the source over where UIDs are kept: next UID, HIGHESTMODSEQ. Answers how the folder stands. */
  settle(
    folder: TargetFolder,
    source: { readonly uidNext: number; readonly highestModseq: number; readonly keepUids: boolean },
  ): Promise<TargetFolder>;
  /**
   * Gives the folder another UIDVALIDITY and its messages other UIDs, all at once; what `uids` does not name comes behind
   * `nextUid`. Undefined = the target gives out UIDs of its own.
   */
  renumber?(folder: TargetFolder, numbers: NewNumbers): Promise<TargetFolder>;
  /** Every message; with `withDigests` its bytes are read again and digested. */
  messages(folder: TargetFolder, withDigests: boolean): AsyncIterable<TargetMessage>;
  close(): Promise<void>;
  destroy(): void;
}
