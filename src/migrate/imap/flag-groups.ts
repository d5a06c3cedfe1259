import type { MessageFlags } from "../../imap/client-fetch.ts";

/** UIDs by what they shall have: one command for many messages. */
export function byFlags(
  changes: readonly { readonly uid: number; readonly flags: MessageFlags }[],
): Map<MessageFlags, number[]> {
  const groups = new Map<MessageFlags, number[]>();
  for (const { uid, flags } of changes) {
    const group = groups.get(flags);
    if (group === undefined) groups.set(flags, [uid]);
    else group.push(uid);
  }
  return groups;
}
