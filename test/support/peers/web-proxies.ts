/** nginx and Apache of Debian 12 in front of a node, in the clear on loopback: what they are told stands in a file of the test. */
import { chmodSync, chownSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { freePorts } from "./free-ports.ts";
import { inNamespace, makeEtc, VMAIL_UID } from "./namespace.ts";
import { type Peer, startPeer } from "./peer.ts";
import { unpackPeer } from "./unpack.ts";

export interface WebProxyOptions {
  /** An empty folder of its own. */
  readonly folder: string;
  /** Lines of nginx's `server`, or of Apache's server. */
  readonly site: string;
}

export async function startNginx({ folder, site }: WebProxyOptions): Promise<Peer> {
  const { file, port, temporary } = await prepare(folder);
  const folders = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(
    (name) => `${name}_temp_path ${temporary}/${name};`,
  );
  writeFileSync(
    file,
    `daemon off;
master_process off;
pid ${folder}/nginx.pid;
error_log ${folder}/error.log;
events {}
http {
  access_log off;
  ${folders.join("\n  ")}
  server {
    listen 127.0.0.1:${port};
${site}
  }
}
`,
  );
  const command = ["nginx", "-p", folder, "-e", `${folder}/error.log`, "-c", file];
  return startPeer({
    name: "nginx",
    folder,
    ports: { http: port },
    ...inNamespace(await unpackPeer("nginx"), makeEtc(folder), command),
    stopSignal: "SIGTERM",
  });
}

export async function startApache({ folder, site }: WebProxyOptions): Promise<Peer> {
  const { file, port, temporary } = await prepare(folder);
  const modules = ["mpm_event", "authz_core", "headers", "proxy", "proxy_http"];
  writeFileSync(
    file,
    `ServerRoot ${folder}
ServerName localhost
DefaultRuntimeDir ${temporary}
PidFile ${folder}/apache.pid
ErrorLog ${folder}/error.log
Listen 127.0.0.1:${port}
${modules.map((name) => `LoadModule ${name}_module /usr/lib/apache2/modules/mod_${name}.so`).join("\n")}
User #${VMAIL_UID}
Group #${VMAIL_UID}
${site}
`,
  );
  return startPeer({
    name: "apache",
    folder,
    ports: { http: port },
    ...inNamespace(await unpackPeer("apache"), makeEtc(folder), ["apache2", "-DFOREGROUND", "-f", file]),
    stopSignal: "SIGTERM",
  });
}

async function prepare(
  folder: string,
): Promise<{ readonly file: string; readonly port: number; readonly temporary: string }> {
  const temporary = join(folder, "temporary");
  mkdirSync(temporary, { recursive: true });
  chownSync(temporary, VMAIL_UID, VMAIL_UID);
  chmodSync(folder, 0o755);
  const [port = 0] = await freePorts(1);
  return { file: join(folder, "server.conf"), port, temporary };
}
