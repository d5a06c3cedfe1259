/**
 * Logs in to the IMAP port of a replica, where the sync protocol goes on as SYNCGET, SYNCAPPLY and SYNCRESTART (Cyrus
 * 3.6.1, observed): STARTTLS (RFC 9051 §6.2.1), AUTHENTICATE (§6.2.2), COMPRESS (RFC 4978). Only administrators are told of
 * X-REPLICATION.
 */
import { authenticate } from "./authenticate.ts";
import type { ReplicaAddress, ReplicaPorts } from "./connect.ts";
import type { ReplicaLink } from "./link.ts";
import { ReplicaLost, ReplicaRefusal } from "./refusal.ts";

/** Upper case. */
type Capabilities = ReadonlySet<string>;

/** True when #sieve mailboxes are offered. @throws ReplicaLost, ReplicaRefusal */
export async function logInToImap(
  link: ReplicaLink,
  address: ReplicaAddress,
  ports: ReplicaPorts,
): Promise<boolean> {
  const greeting = await link.nextLine();
  if (!greeting.startsWith("* OK")) throw new ReplicaLost(`the replica greeted with ${greeting}`);
  const dialogue = new ImapDialogue(link);
  let capabilities = capabilitiesIn(greeting) ?? (await dialogue.capabilities());
  capabilities = await secure(link, dialogue, address, capabilities);
  const last = await authenticate(address, ports, {
    offered: mechanismsIn(capabilities),
    isSecure: link.isSecure,
    // SASL-IR (RFC 4959); IMAP4rev2 has it.
    takesInitialResponse: capabilities.has("SASL-IR") || capabilities.has("IMAP4REV2"),
    say: (text) => dialogue.say(text),
  });
  capabilities = capabilitiesIn(last) ?? (await dialogue.capabilities());
  if (!capabilities.has("X-REPLICATION")) {
    const reason = `${address.user} is no administrator there, or the server does not replicate (no X-REPLICATION)`;
    throw new ReplicaRefusal("AUTHENTICATE", reason, "not_authenticated");
  }
  if (address.compress && capabilities.has("COMPRESS=DEFLATE")) {
    const { end } = await dialogue.command("COMPRESS DEFLATE");
    if (/^OK\b/.test(end)) link.startDeflate();
  }
  link.startTags();
  return capabilities.has("X-SIEVE-MAILBOX");
}

/** Commands with tags, one at a time. */
class ImapDialogue {
  readonly #link: ReplicaLink;
  #commands = 0;
  #tag = "";

  constructor(link: ReplicaLink) {
    this.#link = link;
  }

  async command(text: string): Promise<{ readonly untagged: readonly string[]; readonly end: string }> {
    this.#begin();
    const lines = await this.#exchange(`${this.#tag} ${text}`);
    return { untagged: lines.slice(0, -1), end: this.#untag(lines.at(-1)) };
  }

  /** AUTHENTICATE and its responses: the challenge or the end. */
  async say(text: string): Promise<string> {
    const isCommand = text.startsWith("AUTHENTICATE ");
    if (isCommand) this.#begin();
    const lines = await this.#exchange(isCommand ? `${this.#tag} ${text}` : text);
    return this.#untag(lines.at(-1));
  }

  async capabilities(): Promise<Capabilities> {
    const { untagged } = await this.command("CAPABILITY");
    const line = untagged.findLast((each) => capabilitiesIn(each) !== undefined) ?? "";
    return capabilitiesIn(line) ?? new Set();
  }

  #begin(): void {
    this.#commands += 1;
    this.#tag = `A0${this.#commands}`;
  }

  #exchange(line: string): Promise<readonly string[]> {
    return this.#link.exchange(
      line,
      (answer) => answer.startsWith("+") || answer.startsWith(`${this.#tag} `),
    );
  }

  #untag(line = ""): string {
    return line.startsWith("+") ? line : line.slice(this.#tag.length + 1);
  }
}

async function secure(
  link: ReplicaLink,
  dialogue: ImapDialogue,
  { tls, host, port }: ReplicaAddress,
  offered: Capabilities,
): Promise<Capabilities> {
  if (tls === "off") return offered;
  if (!offered.has("STARTTLS")) {
    if (tls === "auto") return offered;
    throw new ReplicaLost(`the replica ${host}:${port} offers no TLS`);
  }
  const { end } = await dialogue.command("STARTTLS");
  if (!/^OK\b/.test(end)) {
    // Cyrus offers it without a certificate, too.
    if (tls === "auto") return offered;
    throw new ReplicaRefusal("STARTTLS", end);
  }
  await link.startTls();
  // What was said in the clear may have come from anybody (RFC 9051 §6.2.1).
  return await dialogue.capabilities();
}

/** Of `* CAPABILITY …`, or of the code `[CAPABILITY …]`. */
function capabilitiesIn(line: string): Capabilities | undefined {
  const list = /^\* CAPABILITY (.*)$/i.exec(line)?.[1] ?? /\[CAPABILITY ([^\]]*)\]/i.exec(line)?.[1];
  return list === undefined ? undefined : new Set(list.toUpperCase().trim().split(/ +/));
}

function mechanismsIn(capabilities: Capabilities): ReadonlySet<string> {
  const names = [...capabilities].filter((name) => name.startsWith("AUTH="));
  return new Set(names.map((name) => name.slice("AUTH=".length)));
}
