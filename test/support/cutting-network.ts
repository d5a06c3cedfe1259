/** The machine's network, whose connections end without a word after so many received bytes as the test says. */
import type { Connection, Network } from "../../src/base/io/network.ts";
import { systemNetwork } from "../../src/base/io/system-network.ts";

/** @param nextLimit asked for each connection: bytes until it is cut, undefined = never */
export function cuttingNetwork(nextLimit: (port: number) => number | undefined): Network {
  return {
    listen: (options) => systemNetwork.listen(options),
    async connect(options) {
      const connection = await systemNetwork.connect(options);
      const limit = nextLimit(options.port);
      return limit === undefined ? connection : cutAfter(connection, limit);
    },
  };
}

function cutAfter(connection: Connection, limit: number): Connection {
  let left = limit;
  const onData = connection.onData.bind(connection);
  connection.onData = (receive) => {
    onData((chunk) => {
      left -= chunk.length;
      // The last piece is cut off in its middle.
      if (left > 0) receive(chunk);
      else if (left > -chunk.length) {
        receive(chunk.subarray(0, chunk.length + left));
        connection.destroy();
      }
    });
  };
  return connection;
}
