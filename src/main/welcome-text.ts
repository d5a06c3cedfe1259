import { resolve } from "node:path";
import type { Demo } from "./demo.ts";
import { type Endpoint, type Endpoints, SERVICES } from "./endpoint.ts";
import { formatTable } from "./output.ts";

/** What `up` prints when it is ready: where to connect, as whom, and what to try next. */
export function welcomeText(endpoints: Endpoints, demo: Demo, dataFolder: string): string {
  const services = SERVICES.flatMap(({ name, label }) => {
    const endpoint = endpoints[name];
    return endpoint === undefined ? [] : [[name, addressOf(endpoint), label]];
  });
  const accounts = demo.accounts.map(({ user, password }) => [
    user,
    password ?? "(as printed at the first start)",
  ]);
  return [
    `Rookery is up. Data folder: ${dataFolder}`,
    "",
    formatTable(["SERVICE", "ADDRESS", ""], services),
    ...(accounts.length === 0 ? [] : [formatTable(["USER", "PASSWORD"], accounts)]),
    "Try next:",
    ...nextSteps(endpoints, demo, dataFolder).map((step) => `  ${step}`),
    "",
    "Stop with Ctrl-C; the next start continues with the same data.",
  ].join("\n");
}

function nextSteps({ imap, imaps, lmtp, http, https }: Endpoints, demo: Demo, dataFolder: string): string[] {
  // As it must be typed from here.
  const folder = dataFolder === resolve("data") ? "" : ` --data ${dataFolder}`;
  const [account] = demo.accounts;
  const user = account?.user ?? "USER";
  const login = `--user '${user}:${account?.password ?? "PASSWORD"}'`;
  const steps: string[] = [];
  if (imaps !== undefined) {
    steps.push(`curl -k imaps://${addressOf(imaps)}/INBOX ${login} -X 'FETCH 1:* (FLAGS ENVELOPE)'`);
    steps.push(`a mail program: IMAP on ${addressOf(imaps)} with TLS; accept the self-signed certificate`);
  }
  if (imap !== undefined) steps.push(`or IMAP on ${addressOf(imap)} with STARTTLS`);
  if (https !== undefined) {
    steps.push(
      `a phone: an Exchange account with the server ${addressOf(https)}, ActiveSync at https://${addressOf(https)}/Microsoft-Server-ActiveSync`,
    );
    steps.push(
      `echo ${account?.password ?? "PASSWORD"} | ./rookery probe eas https://${addressOf(https)} ${user} --no-verify`,
    );
  }
  if (lmtp !== undefined) steps.push(`Postfix: virtual_transport = lmtp:inet:${addressOf(lmtp)}`);
  if (http !== undefined) steps.push(`curl http://${addressOf(http)}/health`);
  steps.push(
    `./rookery mailbox list --user ${user}${folder}`,
    `./rookery user add carol --generate${folder}`,
  );
  if (!demo.isNew) steps.push(`./rookery user password ${user} --generate${folder}`);
  return steps;
}

function addressOf({ host, port }: Endpoint): string {
  return `${host.includes(":") ? `[${host}]` : host}:${port}`;
}
