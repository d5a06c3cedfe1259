/** mailto URIs of notify: RFC 5436 §2.1, RFC 6068. */
export interface Mailto {
  readonly to: readonly string[];
  readonly subject: string | undefined;
  readonly body: string | undefined;
}

export function isMailto(uri: string): boolean {
  return parseMailto(uri) !== undefined;
}

/** undefined = not a mailto URI with at least one recipient. */
export function parseMailto(uri: string): Mailto | undefined {
  const match = /^mailto:([^?#]*)(?:\?([^#]*))?$/i.exec(uri);
  if (match === null) return undefined;
  try {
    const fields = new Map<string, string[]>();
    for (const pair of (match[2] ?? "").split("&").filter((text) => text !== "")) {
      const [name, value = ""] = pair.split("=", 2);
      const key = decodeURIComponent(name!).toLowerCase();
      fields.set(key, [...(fields.get(key) ?? []), decodeURIComponent(value)]);
    }
    const split = (text: string) => text.split(",").map((address) => address.trim());
    const to = [...match[1]!.split(",").map(decodeURIComponent), ...(fields.get("to") ?? []).flatMap(split)];
    const recipients = to.map((address) => address.trim()).filter((address) => address.includes("@"));
    if (recipients.length === 0) return undefined;
    return { to: recipients, subject: fields.get("subject")?.[0], body: fields.get("body")?.[0] };
  } catch {
    return undefined;
  }
}
