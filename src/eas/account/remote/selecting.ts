/** SELECT with CONDSTORE or QRESYNC switched on, and the commands around it. */
import type { CommandPart } from "../../../imap/client-command.ts";
import { wireMailbox } from "../../../imap/client-folders.ts";
import type { Lent, Selected } from "./connections.ts";
import { accepted } from "./failure.ts";
import type { RemoteFolder } from "./folder-tree.ts";

export function hasModseq({ capabilities }: Pick<Lent, "capabilities">): boolean {
  return capabilities.has("CONDSTORE") || capabilities.has("QRESYNC");
}

/** For `select`: what is open may be as old as it likes, or is opened again, which shows it as it is now. */
export const ANY = 0;
export const FRESH = Number.POSITIVE_INFINITY;
let generations = 0;

/**
 * Opens the folder unless the connection has it open since the generation wanted or a later one: what others did since is
 * not seen there.
 * @throws AccountError folder_missing …
 */
export async function select(
  lent: Lent,
  folder: RemoteFolder,
  options: { readonly generation: number },
): Promise<Selected> {
  const { client, selected } = lent;
  if (selected?.key === folder.key && selected.generation >= options.generation) return selected;
  lent.selected = undefined;
  const before =
    lent.capabilities.has("QRESYNC") && !enabled.has(lent.client)
      ? client.command("ENABLE QRESYNC")
      : undefined;
  enabled.add(lent.client);
  const parts: CommandPart[] = ["SELECT ", ...wireMailbox(folder.wireName)];
  if (hasModseq(lent)) parts.push(" (CONDSTORE)");
  const [, result] = await Promise.all([before, client.command(parts)]);
  accepted(result, "folder_missing");
  const codes = new Map<string, string>();
  for (const response of result.untagged) {
    if (response.name !== "OK") continue;
    const match = /^ ?\[([A-Z]+)(?: (\d+))?/i.exec(response.arguments().rest());
    if (match?.[1] !== undefined) codes.set(match[1].toUpperCase(), match[2] ?? "");
  }
  const now: Selected = {
    key: folder.key,
    generation: (generations += 1),
    uidValidity: Number(codes.get("UIDVALIDITY") ?? 0),
    uidNext: Number(codes.get("UIDNEXT") ?? 0),
    highestModseq: codes.has("NOMODSEQ") ? 0 : Number(codes.get("HIGHESTMODSEQ") ?? 0),
  };
  lent.selected = now;
  return now;
}

/** Connections on which ENABLE QRESYNC was sent (RFC 7162 §3.2.3). */
const enabled = new WeakSet<object>();
