/** What commonly keeps a node from working: configuration, data folder, disk, certificate, ports, clock, limits. */
import { accessSync, constants, existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { createServer } from "node:net";
import { dirname, join } from "node:path";
import { callNode } from "../admin/client.ts";
import { adminSocketPath } from "../admin/socket.ts";
import type { Clock } from "../base/io/clock.ts";
import { systemDisk } from "../base/io/system-disk.ts";
import { TlsContexts } from "../base/io/tls-contexts.ts";
import type { Config } from "../config/load.ts";
import { checkGateway } from "./doctor-gateway.ts";
import { checkMigration } from "./doctor-migration.ts";
import { isServedBy, listenOptions, nodeOptions } from "./node-options.ts";
import { formatBytes } from "./output.ts";
import { certificateFiles, tlsOptions } from "./tls-options.ts";

export interface Finding {
  readonly check: string;
  readonly status: "ok" | "warning" | "failure";
  readonly message: string;
  readonly next?: string;
}

/** Below this share or amount of free space mail may soon be refused. */
const LOW_SPACE_SHARE = 0.05;
const LOW_SPACE_BYTES = 2 ** 30;
const RENEW_WITHIN_MS = 21 * 86_400_000;
/** A file of the data folder that is this much in the future says that the clock was set back. */
const CLOCK_TOLERANCE_MS = 60_000;
/** Two descriptors a session, and room for the store's files. */
const WANTED_OPEN_FILES = 10_000;

export async function examine(config: Config, clock: Clock): Promise<readonly Finding[]> {
  const { dataFolder } = config.get(nodeOptions);
  const running = await isRunning(dataFolder);
  return [
    { check: "node", status: "ok", message: running ? "runs on this data folder" : "does not run" },
    checkFolder(dataFolder),
    checkSpace(dataFolder),
    ...checkCertificates(config, dataFolder, clock),
    ...(running ? [] : await checkPorts(config)),
    ...(await checkGateway(config)),
    ...(await checkMigration(config)),
    checkClock(dataFolder, clock),
    checkOpenFiles(),
  ];
}

async function isRunning(dataFolder: string): Promise<boolean> {
  try {
    await callNode(adminSocketPath(dataFolder), {
      operation: "node.status",
      arguments: {},
      onRow() {},
      onProgress() {},
    });
    return true;
  } catch {
    return false;
  }
}

function checkFolder(dataFolder: string): Finding {
  const check = "data folder";
  if (!existsSync(dataFolder)) {
    return {
      check,
      status: "warning",
      message: `"${dataFolder}" is not there yet; it is made at the first start`,
    };
  }
  try {
    accessSync(dataFolder, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch {
    const next = `Run as its owner, or: chown -R USER ${dataFolder}`;
    return { check, status: "failure", message: `"${dataFolder}" may not be written by this user`, next };
  }
  const locked = readdirSync(dataFolder).find(
    (name) => name.includes(".sqlite") && !isWritable(join(dataFolder, name)),
  );
  if (locked !== undefined) {
    const message = `"${join(dataFolder, locked)}" may not be written by this user`;
    return { check, status: "failure", message, next: `Run as its owner, or: chown -R USER ${dataFolder}` };
  }
  const mode = statSync(dataFolder).mode & 0o777;
  if ((mode & 0o007) !== 0) {
    const next = `chmod 0700 ${dataFolder}`;
    return {
      check,
      status: "warning",
      message: `"${dataFolder}" is open to every user (${mode.toString(8)})`,
      next,
    };
  }
  return { check, status: "ok", message: `"${dataFolder}" is there and writable` };
}

function isWritable(path: string): boolean {
  try {
    accessSync(path, constants.R_OK | constants.W_OK);
    return true;
  } catch {
    // Gone since it was listed, as a WAL file may be, is no finding.
    return !existsSync(path);
  }
}

function checkSpace(dataFolder: string): Finding {
  let folder = dataFolder;
  while (!existsSync(folder)) folder = dirname(folder);
  const { freeBytes, totalBytes } = systemDisk.space(folder);
  const low = freeBytes < LOW_SPACE_BYTES || freeBytes < totalBytes * LOW_SPACE_SHARE;
  const message = `${formatBytes(freeBytes)} of ${formatBytes(totalBytes)} are free`;
  return low
    ? {
        check: "disk",
        status: "warning",
        message,
        next: "Make room: mail is refused for now when the disk is full.",
      }
    : { check: "disk", status: "ok", message };
}

function checkCertificates(config: Config, dataFolder: string, clock: Clock): Finding[] {
  const check = "certificate";
  const settings = config.get(tlsOptions);
  const files = certificateFiles(settings, dataFolder);
  if (settings.certificate === undefined && files.some(({ certificate }) => !existsSync(certificate))) {
    return [{ check, status: "ok", message: "a self-signed one is made at the first start" }];
  }
  try {
    return new TlsContexts(files).certificates.map(({ file, names, validFrom, validTo }): Finding => {
      const leftMs = validTo.getTime() - clock.nowMs();
      const message = `"${file}" for ${names.join(", ")} until ${validTo.toISOString().slice(0, 10)}`;
      if (validFrom.getTime() > clock.nowMs()) {
        return {
          check,
          status: "failure",
          message: `${message} is not yet valid`,
          next: "See the clock and the file.",
        };
      }
      if (leftMs < 0)
        return { check, status: "failure", message: `${message} has expired`, next: "Renew it." };
      if (leftMs < RENEW_WITHIN_MS) return { check, status: "warning", message, next: "Renew it soon." };
      return { check, status: "ok", message };
    });
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return [
      { check, status: "failure", message, next: "See tls.certificate and tls.key in the configuration." },
    ];
  }
}

async function checkPorts(config: Config): Promise<Finding[]> {
  const findings: Finding[] = [];
  const { roles } = config.get(nodeOptions);
  for (const [service, endpoints] of Object.entries(config.get(listenOptions))) {
    if (!isServedBy(service, roles)) continue;
    for (const { host, port } of endpoints) {
      const code = await tryToListen(host, port);
      const message = `${service} on ${host === "" ? "*" : host}:${port}`;
      if (code === undefined) findings.push({ check: "port", status: "ok", message: `${message} is free` });
      else if (code === "EADDRINUSE") {
        const next = "See what listens there with: ss -ltnp";
        findings.push({ check: "port", status: "failure", message: `${message} is taken`, next });
      } else if (code === "EACCES") {
        const next = "Ports below 1024 need CAP_NET_BIND_SERVICE, see docs/operations.md.";
        findings.push({ check: "port", status: "failure", message: `${message} is not allowed`, next });
      } else {
        const next = `See the listen.${service} option.`;
        findings.push({ check: "port", status: "failure", message: `${message}: ${code}`, next });
      }
    }
  }
  return findings;
}

function tryToListen(host: string, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    server.listen(port, host === "" ? undefined : host, () => server.close(() => resolve(undefined)));
  });
}

function checkClock(dataFolder: string, clock: Clock): Finding {
  const newestMs = existsSync(dataFolder)
    ? Math.max(0, ...readdirSync(dataFolder).map((name) => modifiedMs(join(dataFolder, name))))
    : 0;
  const now = new Date(clock.nowMs()).toISOString();
  if (newestMs > clock.nowMs() + CLOCK_TOLERANCE_MS) {
    const message = `it is ${now}, but files of the data folder are from ${new Date(newestMs).toISOString()}`;
    return { check: "clock", status: "failure", message, next: "Set the clock, with NTP for example." };
  }
  return { check: "clock", status: "ok", message: `it is ${now}` };
}

function modifiedMs(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

function checkOpenFiles(): Finding {
  const check = "open files";
  const limits = existsSync("/proc/self/limits") ? readFileSync("/proc/self/limits", "utf8") : "";
  const limit = Number(/^Max open files +(\d+)/m.exec(limits)?.[1] ?? Number.POSITIVE_INFINITY);
  const message = `the limit is ${limit}`;
  return limit < WANTED_OPEN_FILES
    ? {
        check,
        status: "warning",
        message,
        next: "Raise it (ulimit -n, LimitNOFILE) for thousands of clients.",
      }
    : { check, status: "ok", message };
}
