/**
 * The INTERNAL mechanism of URLAUTH: RFC 4467 §5, an HMAC over the URL with a key for each user and mailbox.
 *
 * Keys are derived, not kept: from the node's secret and two counters, one of the mailbox and one of the user, that
 * RESETKEY moves on. So nothing is stored before the first RESETKEY, and what is stored is no secret.
 */
import { createHmac, timingSafeEqual } from "node:crypto";
import type { Mailbox, UserId } from "../../store/model.ts";
import type { Annotations } from "../../store/port.ts";

/** Holds the counter, as private annotation of the mailbox; of the server for all mailboxes of a user. */
const ENTRY = "/vendor/rookery/urlauth-key";
const SERVER = "";
/** Says how the rest was made, so that another way can follow. */
const VERSION = "01";

/** Lower-case hex. */
export function tokenOf(
  secret: Buffer,
  annotations: Annotations,
  user: UserId,
  mailbox: Mailbox,
  rump: string,
): string {
  const counters = [counter(annotations, mailbox.name, user), counter(annotations, SERVER, user)];
  const key = createHmac("sha256", secret)
    .update(["urlauth", user, mailbox.uniqueId, ...counters].join("\0"))
    .digest();
  return VERSION + createHmac("sha256", key).update(rump).digest("hex");
}

export function isSameToken(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}

/** All tokens of the user's for this mailbox, or for every mailbox, are void from now on. */
export async function resetKey(
  annotations: Annotations,
  user: UserId,
  mailbox: Mailbox | undefined,
): Promise<void> {
  const name = mailbox?.name ?? SERVER;
  const value = Buffer.from(String(counter(annotations, name, user) + 1));
  await annotations.set(name, [{ entry: ENTRY, userId: user, value }]);
}

function counter(annotations: Annotations, name: string, user: UserId): number {
  for (const { entry, userId, value } of annotations.list(name, user)) {
    if (entry === ENTRY && userId === user) return Number(value.toString("latin1"));
  }
  return 0;
}
