/** Search filters from the configuration, filled with what a client sent (RFC 4515 §3). */

/** `{name}` → the value, with everything escaped that a filter gives a meaning to. */
export function fillFilter(template: string, values: Readonly<Record<string, string>>): string {
  return template.replace(/\{([a-z]+)\}/g, (whole, name: string) => {
    const value = values[name];
    return value === undefined ? whole : escapeFilterValue(value);
  });
}

export function escapeFilterValue(value: string): string {
  return value.replace(/[\\*()\0]/g, (character) => {
    return `\\${(character.codePointAt(0) ?? 0).toString(16).padStart(2, "0")}`;
  });
}

/** Value of a DN's first part: `cn=staff,ou=groups,dc=x` → `staff` (RFC 4514 §3). */
export function firstValueOfDn(dn: string): string | undefined {
  const match = /^\s*[A-Za-z0-9.-]+\s*=\s*((?:\\[0-9A-Fa-f]{2}|\\.|[^,+\\])*)/.exec(dn);
  if (match === null) return undefined;
  const bytes = (match[1] ?? "").replace(
    /((?:\\[0-9A-Fa-f]{2})+)|\\(.)/g,
    (_, pairs?: string, single?: string) =>
      pairs === undefined ? (single ?? "") : Buffer.from(pairs.replaceAll("\\", ""), "hex").toString(),
  );
  return bytes.trim();
}
