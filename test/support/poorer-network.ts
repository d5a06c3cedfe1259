/** The machine's network, over which an IMAP server is heard without some of what it can do. */
import type { Connection, Network } from "../../src/base/io/network.ts";
import { systemNetwork } from "../../src/base/io/system-network.ts";

/** @param without capabilities that the client does not hear of; UIDPLUS takes APPENDUID along */
export function poorerNetwork(without: readonly string[]): Network {
  return {
    listen: (options) => systemNetwork.listen(options),
    async connect(options) {
      const connection = await systemNetwork.connect(options);
      return edited(connection, (text) => withoutWords(text, without));
    },
  };
}

function edited(connection: Connection, edit: (text: string) => string): Connection {
  const onData = connection.onData.bind(connection);
  connection.onData = (receive) => {
    onData((chunk) => receive(Buffer.from(edit(chunk.toString("latin1")), "latin1")));
  };
  return connection;
}

function withoutWords(text: string, without: readonly string[]): string {
  let left = text;
  for (const word of without) left = left.replaceAll(new RegExp(` ${word}(?=[ \\]\r])`, "g"), "");
  return without.includes("UIDPLUS") ? left.replaceAll(/\[APPENDUID [^\]]*\] /g, "") : left;
}
