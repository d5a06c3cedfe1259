/** The resources of quota roots and how they are written: RFC 9208 §5. */
import type { MailboxName, QuotaRoot } from "../../store/model.ts";
import type { Reader } from "../codec/reader.ts";
import { writeAstring } from "../codec/writer.ts";
import { bad, no } from "../refusal.ts";
import type { Session } from "../session.ts";

type Limits = Pick<
  QuotaRoot,
  "storageLimitBytes" | "messageLimit" | "annotationStorageLimitBytes" | "mailboxLimit"
>;

interface Resource {
  readonly name: string;
  /** What one unit on the wire is in the store: STORAGE counts 1,024 octets (RFC 9208 §5.1). */
  readonly unit: number;
  readonly limit: keyof Limits;
  readonly used: (root: QuotaRoot) => number;
}

const RESOURCES: readonly Resource[] = [
  { name: "STORAGE", unit: 1024, limit: "storageLimitBytes", used: (root) => root.storageUsedBytes },
  { name: "MESSAGE", unit: 1, limit: "messageLimit", used: (root) => root.messagesUsed },
  { name: "MAILBOX", unit: 1, limit: "mailboxLimit", used: (root) => root.mailboxesUsed },
  {
    name: "ANNOTATION-STORAGE",
    unit: 1024,
    limit: "annotationStorageLimitBytes",
    used: (root) => root.annotationStorageUsedBytes,
  },
];
const BY_NAME = new Map(RESOURCES.map((resource) => [resource.name, resource]));

/** `QUOTA=RES-…` of each: RFC 9208 §3.1. */
export const QUOTA_CAPABILITIES: readonly string[] = RESOURCES.map(({ name }) => `QUOTA=RES-${name}`);

/** "(" [resource SP limit *(SP resource SP limit)] ")". What is not named becomes unlimited (RFC 9208 §4.1.3). */
export function readLimits(reader: Reader): Limits {
  const limits: Record<keyof Limits, number | undefined> = {
    storageLimitBytes: undefined,
    messageLimit: undefined,
    annotationStorageLimitBytes: undefined,
    mailboxLimit: undefined,
  };
  reader.list((inner) => {
    const name = inner.keyword();
    const resource = BY_NAME.get(name);
    const value = inner.sp().number64();
    if (resource === undefined) throw no(`Unknown resource "${name}"`, "CANNOT");
    if (value * resource.unit > Number.MAX_SAFE_INTEGER) throw bad("Limit too large");
    limits[resource.limit] = value * resource.unit;
  });
  return limits;
}

/** `* QUOTA root (STORAGE used limit …)`; resources without a limit are left out. */
export function writeQuota(session: Session, root: QuotaRoot): void {
  const { out } = session;
  out.ascii("* QUOTA ");
  writeRootName(session, root.root);
  const items = RESOURCES.flatMap(({ name, unit, limit, used }) => {
    const limitUnits = root[limit];
    return limitUnits === undefined
      ? []
      : [`${name} ${Math.floor(used(root) / unit)} ${Math.floor(limitUnits / unit)}`];
  });
  out.ascii(` (${items.join(" ")})\r\n`);
}

/** Roots are named like the mailbox at their top. */
export function writeRootName(session: Session, root: MailboxName): void {
  writeAstring(session.out, session.externalName(root) ?? root, session.utf8);
}
