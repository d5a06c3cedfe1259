/**
 * CATENATE: RFC 4469 §3: a message made of new text and of parts that are here already.
 *
 *     append-data = "CATENATE" SP "(" cat-part *(SP cat-part) ")"
 *     cat-part    = "URL" SP astring / "TEXT" SP literal / "UTF8" SP "(" literal8 ")"
 */
import { requireRights } from "../../store/access.ts";
import { Right } from "../../store/acl.ts";
import { StoreError } from "../../store/errors.ts";
import type { Mailbox } from "../../store/model.ts";
import type { BodyWriter, StagedBody } from "../../store/port.ts";
import type { MadeBody, MessageData } from "../append-data.ts";
import type { Reader } from "../codec/reader.ts";
import { lineText } from "../codec/writer.ts";
import { bad, no, type ImapRefusal } from "../refusal.ts";
import type { Session } from "../session.ts";
import { findAuthorized } from "../urlauth/authorized.ts";
import { findUrlPart, partChunks, type UrlPart } from "../urlauth/part.ts";
import { parseImapUrl, type ImapUrl } from "../urlauth/url.ts";
import { isSelectable } from "../visible.ts";

/** Few bytes of a command can name many bytes of messages: what one command may copy, whatever it names. */
const MAX_COPIED_BYTES = 256 * 1024 * 1024;
/** What is read at once of a text that went to the store while it arrived. */
const CHUNK_BYTES = 256 * 1024;

type Piece =
  | { readonly kind: "url"; readonly text: string }
  | { readonly kind: "text"; readonly body: Buffer | StagedBody };

/** Bytes copied so far by all messages of a command. */
const copied = new WeakMap<Reader, { bytes: number }>();

/** From after CATENATE. */
export function readCatenate(reader: Reader, session: Session): MessageData {
  const pieces = reader.sp().list((item) => readPiece(item, session));
  if (pieces.length === 0) throw bad("Nothing to catenate");
  const budget = copied.get(reader) ?? { bytes: 0 };
  copied.set(reader, budget);
  return (running) => assemble(running, pieces, budget);
}

function readPiece(reader: Reader, session: Session): Piece {
  const kind = reader.keyword();
  reader.sp();
  switch (kind) {
    case "URL":
      return { kind: "url", text: reader.astring() };
    case "TEXT":
      return { kind: "text", body: reader.body().body };
    case "UTF8": {
      if (!session.enabled.has("UTF8=ACCEPT")) throw bad("ENABLE UTF8=ACCEPT first");
      const { body } = reader.expect("(").body();
      reader.expect(")");
      return { kind: "text", body };
    }
    default:
      throw bad(`Unknown part "${kind}" in CATENATE`);
  }
}

async function assemble(
  session: Session,
  pieces: readonly Piece[],
  budget: { bytes: number },
): Promise<MadeBody> {
  const { store, settings } = session.services;
  const writer = store.stage();
  const limit = settings.maxMessageBytes === 0 ? Infinity : settings.maxMessageBytes;
  let size = 0;
  const room = (bytes: number): void => {
    size += bytes;
    budget.bytes += bytes;
    // RFC 4469 §4
    if (size > limit || budget.bytes > Math.max(MAX_COPIED_BYTES, settings.maxMessageBytes)) {
      throw no("Message too big", "TOOBIG");
    }
  };
  try {
    for (const piece of pieces) {
      if (piece.kind === "url") await copyPart(session, piece.text, writer, room);
      else await copyText(piece.body, writer, room);
    }
    const body = await writer.finish();
    return { body, release: () => body.release() };
  } catch (error) {
    writer.discard();
    throw error;
  }
}

async function copyText(
  body: Buffer | StagedBody,
  writer: BodyWriter,
  room: (bytes: number) => void,
): Promise<void> {
  if (Buffer.isBuffer(body)) {
    room(body.length);
    if (body.length > 0) await writer.write(body);
    return;
  }
  room(body.sizeBytes);
  for (let at = 0; at < body.sizeBytes; at += CHUNK_BYTES) {
    await writer.write(await body.read(at, Math.min(CHUNK_BYTES, body.sizeBytes - at)));
  }
}

async function copyPart(
  session: Session,
  text: string,
  writer: BodyWriter,
  room: (bytes: number) => void,
): Promise<void> {
  const part = await findPart(session, text);
  if (part === undefined) throw badUrl(text);
  for await (const chunk of partChunks(part)) {
    if (chunk === undefined) throw badUrl(text);
    room(chunk.length);
    if (chunk.length > 0) await writer.write(chunk);
  }
}

async function findPart(session: Session, text: string): Promise<UrlPart | undefined> {
  const url = parseImapUrl(text);
  if (url === undefined) return undefined;
  if (url.access !== undefined) return findAuthorized(session, url);
  const mailbox = readableMailbox(session, url);
  return mailbox && findUrlPart(session.services.store, mailbox, url);
}

/** Of this server and as the user of the session. Undefined when it is not there or not his to read. */
function readableMailbox(session: Session, { server, mailbox: name }: ImapUrl): Mailbox | undefined {
  const { hostName, store } = session.services;
  if (server !== undefined && server.host.toLowerCase() !== hostName.toLowerCase()) return undefined;
  if (server?.user !== undefined && server.user.toLowerCase() !== session.user) return undefined;
  if (name === undefined) return session.selectedOrUndefined?.mailbox;
  try {
    // Names in URLs are UTF-8 whatever the session speaks (RFC 5092 §8).
    const mailbox = store.mailboxes.get(session.namespace.toInternal(name, "utf8"));
    requireRights(mailbox, session.accessor, Right.read);
    return isSelectable(mailbox) ? mailbox : undefined;
  } catch (error) {
    if (error instanceof StoreError) return undefined;
    throw error;
  }
}

/** RFC 4469 §4: "[" BADURL SP url-resp-text "]", text without "]". */
function badUrl(text: string): ImapRefusal {
  const shown = lineText(text).replaceAll("]", "%5D").slice(0, 1_000);
  return no("CATENATE found no such message part", `BADURL ${shown}`);
}
