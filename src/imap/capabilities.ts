/** What CAPABILITY announces, in this order (RFC 9051 §6.1.1). One line for each; extensions add theirs here. */
import { QUOTA_CAPABILITIES } from "./quota/resources.ts";
import { isCompressed } from "./commands/compress.ts";
import type { Session } from "./session.ts";

interface Capability {
  readonly name: string;
  /** Undefined = always. */
  readonly when?: (session: Session) => boolean;
}

const loggedIn = (session: Session): boolean => session.identity !== undefined;
const hasUrlAuth = (session: Session): boolean =>
  loggedIn(session) && session.services.urlAuthSecret !== undefined;
const loggedOut = (session: Session): boolean => session.identity === undefined;

const CAPABILITIES: readonly Capability[] = [
  { name: "IMAP4rev1" },
  { name: "IMAP4rev2" },
  { name: "STARTTLS", when: (session) => loggedOut(session) && session.canStartTls },
  { name: "LOGINDISABLED", when: (session) => loggedOut(session) && !session.mayTakePassword },
  { name: "SASL-IR" },
  { name: "ID" },
  { name: "ENABLE" },
  // Before login a waiting-free literal is at most 4,096 bytes (RFC 7888 §5), afterwards what the limits allow.
  { name: "LITERAL-", when: loggedOut },
  { name: "LITERAL+", when: loggedIn },
  { name: "NAMESPACE", when: loggedIn },
  { name: "CHILDREN", when: loggedIn },
  { name: "UIDPLUS", when: loggedIn },
  { name: "UNSELECT", when: loggedIn },
  { name: "IDLE", when: loggedIn },
  { name: "MOVE", when: loggedIn },
  { name: "ESEARCH", when: loggedIn },
  { name: "SEARCHRES", when: loggedIn },
  { name: "WITHIN", when: loggedIn },
  { name: "PARTIAL", when: loggedIn },
  { name: "SORT", when: loggedIn },
  { name: "SORT=DISPLAY", when: loggedIn },
  { name: "ESORT", when: loggedIn },
  { name: "THREAD=ORDEREDSUBJECT", when: loggedIn },
  { name: "THREAD=REFERENCES", when: loggedIn },
  { name: "CONTEXT=SEARCH", when: loggedIn },
  { name: "CONTEXT=SORT", when: loggedIn },
  { name: "MULTISEARCH", when: loggedIn },
  { name: "NOTIFY", when: loggedIn },
  { name: "MULTIAPPEND", when: loggedIn },
  { name: "CONDSTORE", when: loggedIn },
  { name: "QRESYNC", when: loggedIn },
  { name: "STATUS=SIZE", when: loggedIn },
  { name: "LIST-EXTENDED", when: loggedIn },
  { name: "LIST-STATUS", when: loggedIn },
  { name: "LIST-MYRIGHTS", when: loggedIn },
  { name: "SPECIAL-USE", when: loggedIn },
  { name: "CREATE-SPECIAL-USE", when: loggedIn },
  { name: "ACL", when: loggedIn },
  // The rights that come on top of the oldest ones: RFC 4314 §2.2.
  { name: "RIGHTS=kxten", when: loggedIn },
  { name: "QUOTA", when: loggedIn },
  ...QUOTA_CAPABILITIES.map((name) => ({ name, when: loggedIn })),
  { name: "QUOTASET", when: loggedIn },
  { name: "ANNOTATE-EXPERIMENT-1", when: loggedIn },
  { name: "METADATA", when: loggedIn },
  { name: "METADATA-SERVER", when: loggedIn },
  { name: "LIST-METADATA", when: loggedIn },
  { name: "UNAUTHENTICATE", when: loggedIn },
  { name: "OBJECTID", when: loggedIn },
  { name: "SAVEDATE", when: loggedIn },
  { name: "PREVIEW", when: loggedIn },
  { name: "BINARY", when: loggedIn },
  { name: "COMPRESS=DEFLATE", when: (session) => loggedIn(session) && !isCompressed(session) },
  { name: "CATENATE", when: loggedIn },
  { name: "REPLACE", when: loggedIn },
  { name: "URL-PARTIAL", when: loggedIn },
  { name: "URLAUTH", when: hasUrlAuth },
  { name: "URLAUTH=BINARY", when: hasUrlAuth },
  { name: "UTF8=ACCEPT", when: loggedIn },
];

/** Without the word CAPABILITY. */
export function capabilitiesOf(session: Session): string {
  const names = CAPABILITIES.filter(({ when }) => when === undefined || when(session)).map(
    ({ name }) => name,
  );
  if (loggedOut(session)) {
    for (const mechanism of session.saslMechanisms()) names.push(`AUTH=${mechanism}`);
  } else {
    const { maxMessageBytes } = session.services.settings;
    if (maxMessageBytes > 0) names.push(`APPENDLIMIT=${maxMessageBytes}`);
    const { identity, services } = session;
    if (identity !== undefined) names.push(...(services.extraCapabilities?.(identity) ?? []));
  }
  return names.join(" ");
}
