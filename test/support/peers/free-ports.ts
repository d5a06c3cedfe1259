import { createServer, type Server } from "node:net";

/** Ports of loopback that were free a moment ago, all different, for programs that cannot take port 0. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(Array.from({ length: count }, open));
  const ports = servers.map((server) => {
    const address = server.address();
    return typeof address === "object" && address !== null ? address.port : 0;
  });
  await Promise.all(servers.map((server) => new Promise((done) => server.close(done))));
  return ports;
}

function open(): Promise<Server> {
  return new Promise((opened, failed) => {
    const server = createServer();
    server.once("error", failed);
    server.listen(0, "127.0.0.1", () => opened(server));
  });
}
