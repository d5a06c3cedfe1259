/** Who may use an authorised URL and what it gives: RFC 4467 §3 and §6. */
import { requireRights, type Accessor } from "../../store/access.ts";
import { Right } from "../../store/acl.ts";
import { StoreError } from "../../store/errors.ts";
import type { Mailbox } from "../../store/model.ts";
import { Namespace } from "../../store/namespace.ts";
import type { Session } from "../session.ts";
import { isSelectable } from "../visible.ts";
import { findUrlPart, type UrlPart } from "./part.ts";
import { isSameToken, tokenOf } from "./token.ts";
import type { ImapUrl } from "./url.ts";

export const MECHANISM = "INTERNAL";

/** Undefined for every reason alike: nothing is told about URLs that do not hold (RFC 4467 §7). */
export async function findAuthorized(session: Session, url: ImapUrl): Promise<UrlPart | undefined> {
  const { services } = session;
  const secret = services.urlAuthSecret;
  const { verifier, expires, server, access } = url;
  if (secret === undefined || verifier === undefined || server?.user === undefined) return undefined;
  if (verifier.mechanism !== MECHANISM) return undefined;
  if (expires !== undefined && expires * 1000 <= services.clock.nowMs()) return undefined;
  if (access === undefined || !mayUse(session, access)) return undefined;
  const owner = await accessorOf(session, server.user);
  const mailbox = owner && readableMailbox(session, owner, url);
  if (mailbox === undefined) return undefined;
  const token = tokenOf(secret, services.store.annotations, owner!.userId, mailbox, verifier.rump);
  if (!isSameToken(token, verifier.token)) return undefined;
  return findUrlPart(services.store, mailbox, url);
}

/** access = ("submit+" enc-user) / ("user+" enc-user) / "authuser" / "anonymous". */
export function isKnownAccess(access: string): boolean {
  return /^(?:(?:submit|user)\+.+|authuser|anonymous)$/i.test(access);
}

function mayUse(session: Session, access: string): boolean {
  const [kind = "", ...rest] = access.split("+");
  const user = rest.join("+").toLowerCase();
  switch (kind.toLowerCase()) {
    // No session is anonymous here: both mean whoever has logged in.
    case "anonymous":
    case "authuser":
      return user === "";
    case "user":
      return user === session.user;
    // A submission server checks for itself that it acts for this user (RFC 4467 §3).
    case "submit":
      return (
        user !== "" &&
        session.services.settings.submissionUsers.some((name) => name.toLowerCase() === session.user)
      );
    default:
      return false;
  }
}

async function accessorOf(session: Session, name: string): Promise<Accessor | undefined> {
  const { directory } = session.services;
  const user = await directory.findUser(name);
  if (user === undefined || !user.enabled) return undefined;
  return { userId: user.userId, isAdmin: false, groups: await directory.groupsOf(user.userId) };
}

/** With the rights of the user in the URL, as they are now. */
function readableMailbox(session: Session, owner: Accessor, url: ImapUrl): Mailbox | undefined {
  const { store, namespace } = session.services;
  try {
    const name = new Namespace(owner, namespace).toInternal(url.mailbox ?? "", "utf8");
    const mailbox = store.mailboxes.get(name);
    requireRights(mailbox, owner, Right.read);
    return isSelectable(mailbox) ? mailbox : undefined;
  } catch (error) {
    if (error instanceof StoreError) return undefined;
    throw error;
  }
}
