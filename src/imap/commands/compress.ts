import { command } from "../command.ts";
import { CompressedConnection } from "../compress/compressed-connection.ts";
import { bad, no } from "../refusal.ts";
import type { Session } from "../session.ts";

/** COMPRESS: RFC 4978. From the line after its OK on both sides speak DEFLATE. */
export const compress = command({
  name: "COMPRESS",
  state: "authenticated",
  parse: (reader) => reader.sp().keyword(),
  run(session, algorithm) {
    if (algorithm !== "DEFLATE") throw bad(`Compression "${algorithm}" is not known`);
    if (isCompressed(session)) throw no("DEFLATE is on already", "COMPRESSIONACTIVE");
    return { text: "DEFLATE is on", afterwards: () => begin(session) };
  },
});

export function isCompressed(session: Session): boolean {
  return session.connection instanceof CompressedConnection;
}

function begin(session: Session): void {
  // What the client sent behind the command is compressed already.
  const unread = session.takeUnread();
  const layer = new CompressedConnection(session.connection, {
    broken: (reason) => session.bye(reason),
    inLiteral: () => session.readsLiteral,
  });
  session.attach(layer);
  layer.receive(unread);
}
