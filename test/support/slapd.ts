/** A slapd of Debian's package for one test: own folder and ports, nothing of the system's is touched. */
import { spawn, type ChildProcess } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { Client } from "ldapts";
import { makeSelfSignedCertificate } from "../../src/main/certificate.ts";

const SLAPD = "/usr/sbin/slapd";
const MODULES = "/usr/lib/ldap";
const START_ATTEMPTS = 200;
export const SUFFIX = "dc=example,dc=test";
export const ROOT_DN = `cn=root,${SUFFIX}`;
export const ROOT_PASSWORD = "of the directory";

export interface LdapRecord {
  readonly dn: string;
  readonly attributes: Readonly<Record<string, string | string[]>>;
}

/** Why the tests cannot run here, or undefined. As root on Debian the package must be there, so that is no reason. */
export function slapdMissing(): string | undefined {
  if (existsSync(SLAPD)) return undefined;
  const mustHave = process.getuid?.() === 0 && existsSync("/etc/debian_version");
  return mustHave ? undefined : `${SLAPD} is not installed (Debian: apt-get install slapd)`;
}

export class Slapd {
  readonly port: number;
  readonly tlsPort: number;
  /** PEM of the certificate, which is its own authority. */
  readonly ca: string;
  readonly #folder: string;
  #process: ChildProcess | undefined;

  private constructor(folder: string, ports: readonly [number, number], ca: string) {
    this.#folder = folder;
    [this.port, this.tlsPort] = ports;
    this.ca = ca;
  }

  static async start(folder: string, records: readonly LdapRecord[]): Promise<Slapd> {
    const made = makeSelfSignedCertificate(["localhost", "127.0.0.1"], Date.now(), randomBytes(16));
    const [certificate, key] = [made.certificatePem, made.privateKeyPem];
    mkdirSync(join(folder, "data"), { recursive: true });
    writeFileSync(join(folder, "certificate.pem"), certificate);
    writeFileSync(join(folder, "key.pem"), key, { mode: 0o600 });
    const schemas = ["core", "cosine", "inetorgperson", "misc"];
    const lines = [
      ...schemas.map((name) => `include /etc/ldap/schema/${name}.schema`),
      `modulepath ${MODULES}`,
      "moduleload back_mdb",
      "moduleload memberof",
      `TLSCertificateFile ${join(folder, "certificate.pem")}`,
      `TLSCertificateKeyFile ${join(folder, "key.pem")}`,
      `pidfile ${join(folder, "slapd.pid")}`,
      "database mdb",
      "maxsize 16777216",
      `suffix "${SUFFIX}"`,
      `rootdn "${ROOT_DN}"`,
      `rootpw "${ROOT_PASSWORD}"`,
      `directory ${join(folder, "data")}`,
      "overlay memberof",
      "access to attrs=userPassword by anonymous auth by * none",
      "access to * by dn.exact=cn=searcher,dc=example,dc=test read by * none",
    ];
    writeFileSync(join(folder, "slapd.conf"), `${lines.join("\n")}\n`);
    const slapd = new Slapd(folder, [await freePort(), await freePort()], certificate);
    await slapd.run();
    await slapd.change(async (client) => {
      for (const { dn, attributes } of records) await client.add(dn, attributes);
    });
    return slapd;
  }

  async run(): Promise<void> {
    const urls = `ldap://127.0.0.1:${this.port}/ ldaps://127.0.0.1:${this.tlsPort}/`;
    const started = spawn(SLAPD, ["-h", urls, "-f", join(this.#folder, "slapd.conf"), "-d", "0"], {
      stdio: ["ignore", "ignore", "pipe"],
    });
    let said = "";
    started.stderr?.on("data", (chunk: Buffer) => (said += chunk.toString()));
    this.#process = started;
    for (let attempt = 0; attempt < START_ATTEMPTS; attempt++) {
      if (started.exitCode !== null) throw new Error(`slapd ended with ${started.exitCode}: ${said}`);
      if (await answers(this.port)) return;
      await pause(25);
    }
    throw new Error(`slapd does not answer: ${said}`);
  }

  async stop(): Promise<void> {
    const running = this.#process;
    this.#process = undefined;
    if (running === undefined || running.exitCode !== null) return;
    const gone = new Promise((resolve) => running.once("exit", resolve));
    running.kill("SIGKILL");
    await gone;
  }

  /** As the directory's own administrator. */
  async change(work: (client: Client) => Promise<void>): Promise<void> {
    const client = new Client({ url: `ldap://127.0.0.1:${this.port}` });
    await client.bind(ROOT_DN, ROOT_PASSWORD);
    await work(client);
    await client.unbind();
  }
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
    socket.once("connect", () => socket.destroy());
  });
}

/** slapd cannot tell which port it got, so one that was free a moment ago must do. */
function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0));
    });
  });
}
