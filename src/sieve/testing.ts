/** A message and an environment from literals: for tests of this room and of those that run scripts. */
import type { HeaderField, SieveAddress, SieveEnvironment, SieveMessage, SievePart } from "./message.ts";
import { SieveScript } from "./script.ts";

export function literalPart(
  headers: readonly HeaderField[],
  text: string,
  children: readonly SievePart[] = [],
): SievePart {
  const contentType =
    headers.find((field) => field.name.toLowerCase() === "content-type")?.value ?? "text/plain";
  const [type = "", subtype = ""] = contentType.split(";")[0]!.trim().toLowerCase().split("/");
  return {
    headers,
    type,
    subtype,
    children,
    text: () => text,
    parameter: (header, name) =>
      new RegExp(`;\\s*${name}="?([^";]*)"?`, "i").exec(
        headers.find((field) => field.name.toLowerCase() === header.toLowerCase())?.value ?? "",
      )?.[1],
  };
}

/** Header lines, a blank line, a body. */
export function literalMessage(source: string, children: readonly SievePart[] = []): SieveMessage {
  const [head = "", ...rest] = source.replaceAll("\r\n", "\n").split("\n\n");
  const body = rest.join("\n\n");
  const headers = head
    .replace(/\n[ \t]+/g, " ")
    .split("\n")
    .map((line) => ({
      name: line.slice(0, line.indexOf(":")),
      value: line.slice(line.indexOf(":") + 1).trim(),
    }));
  return {
    sizeBytes: Buffer.byteLength(source),
    root: literalPart(headers, body, children),
    rawBody: () => body,
    parseAddresses: (value) => value.split(",").map(toAddress),
    parseDate(value) {
      const epochMs = Date.parse(value);
      const zone = /([+-])(\d\d)(\d\d)\s*$/.exec(value);
      if (Number.isNaN(epochMs)) return undefined;
      const minutes = zone === null ? 0 : Number(zone[2]) * 60 + Number(zone[3]);
      return { epochSeconds: epochMs / 1000, zoneMinutes: zone?.[1] === "-" ? -minutes : minutes };
    },
  };
}

function toAddress(text: string): SieveAddress {
  const address = (/<([^>]*)>/.exec(text)?.[1] ?? text).trim();
  const at = address.lastIndexOf("@");
  return { address, localPart: address.slice(0, at), domain: address.slice(at + 1) };
}

export function literalEnvironment(changes: Partial<SieveEnvironment> = {}): SieveEnvironment {
  return {
    envelopeFrom: "sender@example.com",
    envelopeTo: "alice@example.test",
    envelopeAuth: undefined,
    now: { epochSeconds: 1_700_000_000, zoneMinutes: 60 },
    addressSeparator: "+",
    item: () => undefined,
    mailboxExists: () => false,
    mailboxIdExists: () => false,
    specialUseExists: () => false,
    metadata: () => undefined,
    isDuplicate: () => false,
    loadScript: () => undefined,
    listContains: () => undefined,
    ...changes,
  };
}

/** What a script does with a message, in words: "fileinto x (\\Seen); keep". */
export function actionsOf(
  script: string,
  message: string,
  environment: Partial<SieveEnvironment> = {},
): string {
  const outcome = new SieveScript(script).run(literalMessage(message), literalEnvironment(environment));
  if (outcome.error !== undefined) return `error: ${outcome.error.message}`;
  return outcome.actions
    .map((action) => {
      const flags = "flags" in action && action.flags.length > 0 ? ` (${action.flags.join(" ")})` : "";
      if (action.kind === "fileinto") return `fileinto ${action.mailbox}${flags}`;
      if (action.kind === "redirect") return `redirect ${action.address}`;
      if (action.kind === "reject") return `${action.inProtocol ? "ereject" : "reject"} ${action.reason}`;
      if (action.kind === "vacation") return `vacation ${action.seconds} ${action.reason}`;
      if (action.kind === "notify") return `notify ${action.method}`;
      return `${action.kind}${flags}`;
    })
    .join("; ");
}
