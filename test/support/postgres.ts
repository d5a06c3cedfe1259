/**
 * A PostgreSQL of Debian's package for one test file: own folder and port, nothing of the system's is touched. The
 * server refuses to run as root, so then it runs as the package's user `postgres`.
 */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { chownSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { promisify } from "node:util";
import { Client } from "pg";
import { freePorts } from "./peers/free-ports.ts";

const run = promisify(execFile);
const VERSIONS = "/usr/lib/postgresql";
const START_ATTEMPTS = 400;
const SETTINGS = [
  "fsync=off",
  "jit=off",
  "shared_buffers=16MB",
  "max_connections=60",
  "listen_addresses=127.0.0.1",
];

/** Why the tests cannot run here, or undefined. As root on Debian the package must be there, so that is no reason. */
export function postgresMissing(): string | undefined {
  if (programs() !== undefined) return undefined;
  const mustHave = process.getuid?.() === 0 && existsSync("/etc/debian_version");
  return mustHave ? undefined : `${VERSIONS} is not there (Debian: apt-get install postgresql)`;
}

export class Postgres {
  readonly port: number;
  readonly #folder: string;
  readonly #user: { readonly uid?: number; readonly gid?: number };
  #process: ChildProcess | undefined;
  #databases = 0;

  private constructor(folder: string, port: number) {
    this.#folder = folder;
    this.port = port;
    this.#user = process.getuid?.() === 0 ? postgresUser() : {};
  }

  static async start(): Promise<Postgres> {
    const [port = 0] = await freePorts(1);
    const postgres = new Postgres(mkdtempSync(join(tmpdir(), "rookery-postgres-")), port);
    const { uid, gid } = postgres.#user;
    if (uid !== undefined && gid !== undefined) chownSync(postgres.#folder, uid, gid);
    await run(
      program("initdb"),
      ["-D", postgres.#data, "-U", "rookery", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"],
      { ...postgres.#user, cwd: postgres.#folder },
    );
    await postgres.run();
    return postgres;
  }

  get #data(): string {
    return join(this.#folder, "data");
  }

  async run(): Promise<void> {
    const settings = SETTINGS.flatMap((setting) => ["-c", setting]);
    const started = spawn(
      program("postgres"),
      ["-D", this.#data, "-p", String(this.port), "-k", this.#folder, ...settings],
      { ...this.#user, cwd: this.#folder, stdio: ["ignore", "ignore", "pipe"] },
    );
    let said = "";
    started.stderr?.on("data", (chunk: Buffer) => (said = (said + chunk.toString()).slice(-4096)));
    this.#process = started;
    for (let attempt = 0; attempt < START_ATTEMPTS; attempt++) {
      if (started.exitCode !== null) throw new Error(`postgres ended with ${started.exitCode}: ${said}`);
      if (await this.#answers()) return;
      await pause(25);
    }
    throw new Error(`postgres does not answer: ${said}`);
  }

  /** As a crash of the machine would: nobody is waited for. */
  async kill(): Promise<void> {
    await this.#end("SIGQUIT");
  }

  async stop(): Promise<void> {
    await this.#end("SIGINT");
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** A new empty database. @returns its URL */
  async createDatabase(): Promise<string> {
    const name = `test${++this.#databases}`;
    await this.#administer((client) => client.query(`CREATE DATABASE ${name}`));
    return this.url(name);
  }

  url(name: string): string {
    return `postgres://rookery@127.0.0.1:${this.port}/${name}`;
  }

  /** Ends the sessions of a database, as a failing network or a restart does; some may live a moment longer. */
  async disconnectAll(url: string): Promise<void> {
    const name = new URL(url).pathname.slice(1);
    await this.#administer((client) =>
      client.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", [name]),
    );
  }

  async #administer(work: (client: Client) => Promise<unknown>): Promise<void> {
    const client = new Client({ connectionString: this.url("postgres") });
    await client.connect();
    try {
      await work(client);
    } finally {
      await client.end();
    }
  }

  async #answers(): Promise<boolean> {
    const client = new Client({ connectionString: this.url("postgres") });
    client.on("error", () => {});
    try {
      await client.connect();
      await client.end();
      return true;
    } catch {
      return false;
    }
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const running = this.#process;
    this.#process = undefined;
    if (running === undefined || running.exitCode !== null) return;
    const gone = new Promise((resolve) => running.once("exit", resolve));
    running.kill(signal);
    await gone;
  }
}

function programs(): string | undefined {
  if (!existsSync(VERSIONS)) return undefined;
  const versions = readdirSync(VERSIONS).sort((a, b) => Number(b) - Number(a));
  return versions
    .map((version) => join(VERSIONS, version, "bin"))
    .find((folder) => existsSync(join(folder, "initdb")));
}

function program(name: string): string {
  const folder = programs();
  if (folder === undefined) throw new Error("PostgreSQL is missing: run sh tools/setup.sh");
  return join(folder, name);
}

function postgresUser(): { readonly uid: number; readonly gid: number } {
  const line = readFileSync("/etc/passwd", "utf8")
    .split("\n")
    .find((text) => text.startsWith("postgres:"));
  if (line === undefined) throw new Error("there is no user postgres: run sh tools/setup.sh");
  const [, , uid, gid] = line.split(":");
  return { uid: Number(uid), gid: Number(gid) };
}
