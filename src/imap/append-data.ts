/** The messages of APPEND and REPLACE: literals, and other ways to name bytes (RFC 6855 §4 UTF8). Extensions add a line. */
import type { AnnotationChange, NewMessage, StagedBody } from "../store/port.ts";
import { readAnnotationChanges } from "./annotate/changes.ts";
import { readCatenate } from "./append/catenate.ts";
import { readDateTime } from "./codec/date.ts";
import type { Reader } from "./codec/reader.ts";
import { flagSet, type FlagSet } from "./flags.ts";
import { bad } from "./refusal.ts";
import type { Session } from "./session.ts";

/** Makes the body when the command runs. */
export type MessageData = (session: Session) => MadeBody | Promise<MadeBody>;
export interface MadeBody {
  readonly body: StagedBody;
  /** To be called when the command ends. */
  release(): void;
}

/** `CATENATE (…)`, `UTF8 (~{n}…)`: keyword → what reads the rest. */
const DATA_KINDS: ReadonlyMap<string, (reader: Reader, session: Session) => MessageData> = new Map([
  ["CATENATE", readCatenate],
  [
    "UTF8",
    (reader, session): MessageData => {
      if (!session.enabled.has("UTF8=ACCEPT")) throw bad("ENABLE UTF8=ACCEPT first");
      reader.sp().expect("(");
      const data = readLiteral(reader);
      reader.expect(")");
      return data;
    },
  ],
]);

export interface AppendMessage {
  readonly flags: FlagSet;
  readonly internalDate: number | undefined;
  readonly annotations: readonly AnnotationChange[];
  readonly data: MessageData;
}

/** [SP flag-list] [SP date-time] [SP annotations] SP message; the first space is not read yet. */
export function readAppendMessage(reader: Reader, session: Session): AppendMessage {
  reader.sp();
  let flags = flagSet([]);
  let internalDate: number | undefined;
  if (reader.peekIs("(")) {
    flags = flagSet(reader.flags());
    reader.sp();
  }
  if (reader.peekIs('"')) {
    internalDate = readDateTime(reader);
    reader.sp();
  }
  let annotations: readonly AnnotationChange[] = [];
  if (reader.peekKeyword() === "ANNOTATION") {
    reader.keyword();
    annotations = readAnnotationChanges(reader.sp(), session);
    reader.sp();
  }
  return { flags, internalDate, annotations, data: readMessageData(reader, session) };
}

function readMessageData(reader: Reader, session: Session): MessageData {
  if (reader.peekIs("{") || reader.peekIs("~")) return readLiteral(reader);
  const kind = DATA_KINDS.get(reader.keyword());
  if (kind === undefined) throw reader.fault("message literal");
  return kind(reader, session);
}

function readLiteral(reader: Reader): MessageData {
  const { body } = reader.body();
  return (session) => {
    // What was staged while the command was read is released with its frame.
    if (!Buffer.isBuffer(body)) return { body, release: () => undefined };
    const staged = session.services.store.stageBuffer(body);
    return { body: staged, release: () => staged.release() };
  };
}

/** Flags that `rights` do not allow are passed over (RFC 4314 §4). */
export function newMessage(
  message: AppendMessage,
  body: StagedBody,
  allowedFlags: number,
  keywords: boolean,
): NewMessage {
  const { flags, internalDate, annotations } = message;
  return {
    body,
    systemFlags: flags.systemFlags & allowedFlags,
    keywords: keywords ? flags.keywords : [],
    ...(internalDate === undefined ? {} : { internalDate }),
    ...(annotations.length === 0 ? {} : { annotations }),
  };
}
