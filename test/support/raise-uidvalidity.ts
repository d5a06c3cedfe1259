/** Makes the UIDVALIDITY of one mailbox higher over the csync port, as another master would, and changes nothing else. */
import assert from "node:assert/strict";
import { connect, type Socket } from "node:net";

interface CsyncServer {
  readonly port: number;
  readonly admin: readonly [string, string];
}

/** `mailbox` by its internal name. */
export async function raiseUidValidity(
  { port, admin: [name, password] }: CsyncServer,
  mailbox: string,
  by: number,
): Promise<void> {
  const socket = connect(port, "127.0.0.1").setEncoding("latin1");
  // Whoever fails is told by the answer that is missing.
  socket.on("error", () => undefined);
  try {
    await answer(socket);
    const plain = Buffer.from(`\0${name}\0${password}`).toString("base64");
    socket.write(`AUTHENTICATE PLAIN ${plain}\r\n`);
    await answer(socket);
    socket.write(`GET FULLMAILBOX ${mailbox}\r\n`);
    const told = await answer(socket);
    const line = /^\* MAILBOX (.*\r\n)OK /s.exec(told)?.[1];
    assert.ok(line !== undefined, told);
    const raised = line
      .replace(/(?<= UIDVALIDITY )\d+/, (value) => `${Number(value) + by}`)
      // A client does not wait to be asked for a literal.
      .replaceAll(/\{(\d+)\}\r\n/g, "{$1+}\r\n");
    assert.notEqual(raised, line);
    socket.write(`APPLY MAILBOX ${raised}`, "latin1");
    await answer(socket);
  } finally {
    socket.destroy();
  }
}

/** Everything up to and with the line that ends an answer; it has to be OK. */
async function answer(socket: Socket): Promise<string> {
  let text = "";
  for (;;) {
    const last = /^(?:\* )?(?:OK|NO|BAD|BYE)\b.*\r\n$/m.exec(text);
    if (last !== null) {
      assert.match(last[0], /^(?:\* )?OK/);
      return text;
    }
    text += await nextChunk(socket);
  }
}

function nextChunk(socket: Socket): Promise<string> {
  return new Promise((resolve, reject) => {
    const onData = (chunk: string | Buffer): void => {
      socket.off("close", onClose);
      resolve(String(chunk));
    };
    const onClose = (): void => {
      socket.off("data", onData);
      reject(new Error("the csync server closed the connection"));
    };
    socket.once("data", onData).once("close", onClose);
  });
}
