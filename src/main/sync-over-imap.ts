/** SYNC commands for the IMAP room: the first one hands the connection over to replication. */
import type { Command } from "../imap/command.ts";
import { bad } from "../imap/refusal.ts";
import type { Session } from "../imap/session.ts";
import type { SyncServices } from "../sync/dialogue.ts";
import { SYNC_COMMANDS, TaggedSyncSession, type TaggedSyncSettings } from "../sync/tagged-session.ts";

/** Announced to administrators only. */
export const SYNC_CAPABILITIES = ["X-REPLICATION", "X-SIEVE-MAILBOX"];

export function syncCommands(services: SyncServices, settings: TaggedSyncSettings): readonly Command[] {
  return SYNC_COMMANDS.map((name): Command => ({
    name,
    state: "authenticated",
    uid: false,
    holdsExpunges: false,
    expunges: false,
    takesMessages: false,
    prepare(reader, session, call) {
      // As Cyrus answers to everybody else.
      if (session.identity?.isAdmin !== true) throw bad("Unrecognized command");
      const line = Buffer.from(`${call.tag} ${name}${reader.rest()}\r\n`, "latin1");
      return () => handOver(session, services, settings, line);
    },
  }));
}

/** Resolves when the connection has ended: the IMAP session waits for its command meanwhile. */
function handOver(
  session: Session,
  services: SyncServices,
  settings: TaggedSyncSettings,
  line: Buffer,
): Promise<undefined> {
  return new Promise((resolve) => {
    const first = Buffer.concat([line, session.handOver()]);
    const sync = new TaggedSyncSession(session.connection, services, settings, first);
    session.onEnd(() => {
      sync.end();
      resolve(undefined);
    });
  });
}
