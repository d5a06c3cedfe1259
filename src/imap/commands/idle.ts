import { command, nothing } from "../command.ts";
import { bad } from "../refusal.ts";

/**
 * IDLE: RFC 9051 §6.3.13. Nothing but a listener waits: updates are compared when the store hints at news, so hints
 * that come while the client reads slowly cost nothing and lose nothing.
 */
export const idle = command({
  name: "IDLE",
  state: "authenticated",
  parse: nothing,
  async run(session) {
    const { selectedOrUndefined: selected, services } = session;
    const tell = (): void => {
      if (session.ended || session.connection.bufferedBytes > services.settings.maxOutputBufferBytes) return;
      const more = session.tellUpdates({ expunges: true, alone: true });
      session.out.flush();
      // Search contexts and NOTIFY read messages before they go on.
      more?.then(
        () => session.out.flush(),
        (error: unknown) => session.crash(error, "IDLE"),
      );
    };
    const stop = selected === undefined ? undefined : services.store.onMailboxChange(selected.id, tell);
    try {
      session.continuation("idling");
      tell();
      const line = await session.nextLine();
      if (line !== undefined && line.toString("latin1").toUpperCase() !== "DONE") throw bad("Expected DONE");
    } finally {
      stop?.();
    }
  },
});
