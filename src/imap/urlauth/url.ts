/**
 * IMAP URLs: RFC 5092 with URLAUTH (RFC 4467) and PARTIAL (RFC 5550 §5.2). Only those that name a message or a part
 * of one; searches and mailbox lists mean nothing to a server.
 *
 *     imapurl      = "imap://" [enc-user [";AUTH=" type] "@"] host [":" port] "/" path
 *     path         = enc-mailbox [";UIDVALIDITY=" nz-number] "/;UID=" nz-number ["/;SECTION=" enc-section]
 *                    ["/;PARTIAL=" offset ["." length]] [[";EXPIRE=" date-time] ";URLAUTH=" access [verifier]]
 *     verifier     = ":" mechanism ":" 32*HEXDIG
 *
 * Relative ones: "/" path (of this server), and ";UID=…" or "/;UID=…" (of the selected mailbox).
 */
import { MAX_UINT32 } from "../../base/numbers.ts";

/** Longer ones name nothing of ours. */
export const MAX_URL_CHARACTERS = 8_192;

export interface ImapUrl {
  /** Undefined when relative to this server. */
  readonly server: UrlServer | undefined;
  /** Decoded; undefined = the selected mailbox. */
  readonly mailbox: string | undefined;
  readonly uidValidity: number | undefined;
  readonly uid: number;
  /** As in FETCH, decoded; "" = the whole message. */
  readonly section: string;
  readonly partial: UrlPartial | undefined;
  /** Seconds since 1970. */
  readonly expires: number | undefined;
  /** `submit+fred`, `user+fred`, `authuser`, `anonymous` as written; undefined without URLAUTH. */
  readonly access: string | undefined;
  readonly verifier: UrlVerifier | undefined;
}

export interface UrlServer {
  readonly user: string | undefined;
  readonly host: string;
  readonly port: number | undefined;
}

export interface UrlPartial {
  readonly offset: number;
  /** Undefined = up to the end. */
  readonly length: number | undefined;
}

export interface UrlVerifier {
  /** Upper case. */
  readonly mechanism: string;
  /** Lower case hex. */
  readonly token: string;
  /** The URL without the verifier, as written: what the token stands for. */
  readonly rump: string;
}

const SERVER =
  /^imap:\/\/(?:([^@/;:]*)(?:;AUTH=[^@/]*)?@)?(\[[0-9A-Fa-f:.]+\]|[^:/@;[\]]+)(?::(\d{1,5}))?(\/.*)$/is;
const PATH =
  /^\/?([^;?]*?)(?:;UIDVALIDITY=(\d{1,10}))?\/?;UID=(\d{1,10})(?:\/;SECTION=([^;]+?))?(?:\/;PARTIAL=(\d{1,15})(?:\.(\d{1,15}))?)?(;.*)?$/is;
const AUTH = /^(?:;EXPIRE=([^;]+))?;URLAUTH=([^;:]+)(?::([A-Za-z0-9.-]+):([0-9A-Fa-f]{32,}))?$/is;
const DATE_TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)$/i;

/** Undefined for what names no message. */
export function parseImapUrl(text: string): ImapUrl | undefined {
  if (text.length > MAX_URL_CHARACTERS || /[^\x21-\x7e]/.test(text.replaceAll(" ", "%20"))) return undefined;
  const absolute = /^imap:/i.test(text);
  const server = absolute ? SERVER.exec(text) : undefined;
  if (server === null) return undefined;
  const path = PATH.exec(server === undefined ? text : server[4]!);
  if (path === null) return undefined;
  const [, mailboxText = "", uidValidity, uid, sectionText = "", offset, length, authText] = path;
  const mailbox = decode(mailboxText);
  const section = decode(sectionText);
  const user = server?.[1] === undefined ? "" : decode(server[1]);
  const auth = authText === undefined ? undefined : AUTH.exec(authText);
  if (mailbox === undefined || section === undefined || user === undefined || auth === null) return undefined;
  const expires = auth?.[1] === undefined ? undefined : readDateTime(auth[1]);
  const access = auth === undefined ? undefined : decode(auth[2]!);
  if ((auth?.[1] !== undefined && expires === undefined) || (auth !== undefined && access === undefined)) {
    return undefined;
  }
  // Authorisation is of an absolute URL with its user (RFC 4467 §3).
  if ((auth !== undefined && (server === undefined || user === "")) || (absolute && mailbox === ""))
    return undefined;
  // Relative to the path of the selected mailbox means nothing here.
  if (!absolute && mailbox !== "" && !text.startsWith("/")) return undefined;
  if (Number(uid) === 0 || Number(uid) > MAX_UINT32 || Number(length ?? 1) === 0) return undefined;
  return {
    server:
      server === undefined
        ? undefined
        : {
            user: user === "" ? undefined : user,
            host: server[2]!,
            port: server[3] === undefined ? undefined : Number(server[3]),
          },
    mailbox: mailbox === "" ? undefined : mailbox,
    uidValidity: uidValidity === undefined ? undefined : Number(uidValidity),
    uid: Number(uid),
    section,
    partial:
      offset === undefined
        ? undefined
        : { offset: Number(offset), length: length === undefined ? undefined : Number(length) },
    expires,
    access,
    verifier: auth?.[3] === undefined ? undefined : verifierOf(text, auth[3], auth[4]!),
  };
}

export function printImapUrl(url: ImapUrl): string {
  const { server, mailbox, uidValidity, uid, section, partial, expires, access, verifier } = url;
  let text = "";
  if (server !== undefined) {
    const user = server.user === undefined ? "" : `${encode(server.user, "")}@`;
    text = `imap://${user}${server.host}${server.port === undefined ? "" : `:${server.port}`}`;
  }
  if (mailbox !== undefined) text += `/${encode(mailbox, "&=:@/")}`;
  if (uidValidity !== undefined) text += `;UIDVALIDITY=${uidValidity}`;
  text += `/;UID=${uid}`;
  if (section !== "") text += `/;SECTION=${encode(section, "&=:@/")}`;
  if (partial !== undefined) {
    text += `/;PARTIAL=${partial.offset}${partial.length === undefined ? "" : `.${partial.length}`}`;
  }
  if (expires !== undefined) text += `;EXPIRE=${new Date(expires * 1000).toISOString().replace(".000", "")}`;
  if (access !== undefined) text += `;URLAUTH=${encode(access, "&=")}`;
  if (verifier !== undefined) text += `:${verifier.mechanism.toLowerCase()}:${verifier.token}`;
  return text;
}

function verifierOf(text: string, mechanism: string, token: string): UrlVerifier {
  const rump = text.slice(0, text.length - mechanism.length - token.length - 2);
  return { mechanism: mechanism.toUpperCase(), token: token.toLowerCase(), rump };
}

function readDateTime(text: string): number | undefined {
  const decoded = decode(text);
  if (decoded === undefined || !DATE_TIME.test(decoded)) return undefined;
  const ms = Date.parse(decoded.toUpperCase());
  return Number.isNaN(ms) ? undefined : Math.floor(ms / 1000);
}

/** pct-encoded octets are UTF-8 (RFC 5092 §8). Undefined when they are not. */
function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

/** uchar = unreserved / sub-delims-sh / pct-encoded, and `also`. */
function encode(text: string, also: string): string {
  return text.replaceAll(/[^A-Za-z0-9\-._~!$'()*+,]/gu, (character) =>
    also.includes(character) ? character : percentEncoded(character),
  );
}

function percentEncoded(character: string): string {
  return Array.from(Buffer.from(character, "utf8"), (byte) => {
    return `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  }).join("");
}
