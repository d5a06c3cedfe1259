import { once } from "node:events";
import { existsSync } from "node:fs";
import { connect, type Socket } from "node:net";
import type { Command } from "commander";
import { AdminError } from "../../admin/failure.ts";
import { lockDataFolder } from "../../admin/lock.ts";
import { systemClock } from "../../base/io/clock.ts";
import type { Config } from "../../config/load.ts";
import { command } from "../command-line.ts";
import { type CommonFlags, readConfiguration } from "../configuration.ts";
import { nodeOptions } from "../node-options.ts";
import { PARTITIONS } from "../partitions.ts";
import { openTextSyncSocket, textSyncSocketPath } from "../text-sync-socket.ts";

export function addSyncServerCommand(program: Command): void {
  command(
    program,
    "sync-server",
    "Be the replica of a master that logged in by SSH: the text dialect of replication on standard input and output",
    ["sync-server --stdio", "sync-server --stdio --data /var/lib/rookery"],
  )
    .option("--stdio", "speak on standard input and output")
    .action(async (flags: CommonFlags & { readonly stdio?: boolean }) => {
      if (flags.stdio !== true) {
        throw new AdminError("argument_invalid", "say --stdio: the csync port is a service of rookery serve");
      }
      const { config } = readConfiguration(flags, { systemFile: true });
      const { dataFolder } = config.get(nodeOptions);
      if (!existsSync(dataFolder)) {
        throw new AdminError("data_folder_missing", `there is no data folder "${dataFolder}"`);
      }
      const path = textSyncSocketPath(dataFolder);
      const socket = await connectTo(path);
      if (socket !== undefined) await passOn(socket);
      else await serveHere(config, dataFolder, path);
    });
}

/** undefined = no node runs. */
async function connectTo(path: string): Promise<Socket | undefined> {
  const socket = connect({ path, allowHalfOpen: true });
  try {
    await once(socket, "connect");
    return socket;
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : "";
    if (code === "ENOENT" || code === "ECONNREFUSED") return undefined;
    throw error;
  }
}

async function passOn(socket: Socket): Promise<void> {
  const closed = once(socket, "close");
  process.stdin.pipe(socket);
  socket.pipe(process.stdout);
  socket.on("error", () => socket.destroy());
  await closed;
  process.stdin.destroy();
}

/** With the lock taken and the store opened in this process. */
async function serveHere(config: Config, dataFolder: string, path: string): Promise<void> {
  const lock = lockDataFolder(dataFolder);
  try {
    const { openPlatform } = await import("../platform.ts");
    const platform = await openPlatform(config, { logLevel: "error" });
    const { store, logs } = platform;
    const services = { store, clock: systemClock, log: logs.named("sync"), partitions: PARTITIONS };
    const listener = await openTextSyncSocket(dataFolder, services);
    try {
      const socket = await connectTo(path);
      if (socket !== undefined) await passOn(socket);
    } finally {
      await listener.close();
      await platform.close();
    }
  } finally {
    lock.release();
  }
}
