import { command } from "../command.ts";

/** SUBSCRIBE: RFC 9051 §6.3.7. Only what is there and visible, so that a typing error is noticed. */
export const subscribe = command({
  name: "SUBSCRIBE",
  state: "authenticated",
  parse: (reader) => reader.sp().mailbox(),
  async run(session, name) {
    const { name: internal } = session.mailbox(name);
    await session.services.store.subscriptions.set(session.user, internal, true);
  },
});

/** UNSUBSCRIBE: RFC 9051 §6.3.8. The mailbox may be gone. */
export const unsubscribe = command({
  name: "UNSUBSCRIBE",
  state: "authenticated",
  parse: (reader) => reader.sp().mailbox(),
  async run(session, name) {
    await session.services.store.subscriptions.set(session.user, session.internalName(name), false);
  },
});
