/** As much of iCalendar (RFC 5545 §3.1, §3.4) as an invitation in a mail needs: components and properties by name. */
export interface IcalProperty {
  /** Upper case. */
  readonly name: string;
  /** Upper-case names; quotes removed. */
  readonly parameters: ReadonlyMap<string, string>;
  readonly value: string;
}

export interface IcalComponent {
  /** Upper case. */
  readonly name: string;
  readonly properties: readonly IcalProperty[];
  readonly components: readonly IcalComponent[];
}

/** An invitation has a few hundred; what lies behind is not read. */
const MAX_LINES = 20_000;
const MAX_LINE_CHARACTERS = 64 * 1024;
const MAX_DEPTH = 10;

interface OpenComponent {
  readonly name: string;
  readonly properties: IcalProperty[];
  readonly components: OpenComponent[];
}

/** The VCALENDAR, or undefined when there is none. Lines that are no properties are left out. */
export function parseIcal(text: string): IcalComponent | undefined {
  const open: OpenComponent[] = [];
  let calendar: OpenComponent | undefined;
  const lines = text.replace(/\r?\n[ \t]/g, "").split(/\r?\n/, MAX_LINES);
  for (const line of lines) {
    const property = line.length > MAX_LINE_CHARACTERS ? undefined : parseProperty(line);
    if (property === undefined) continue;
    const top = open.at(-1);
    if (property.name === "BEGIN") {
      const name = property.value.trim().toUpperCase();
      if (open.length >= MAX_DEPTH || (top === undefined && name !== "VCALENDAR")) continue;
      const component: OpenComponent = { name, properties: [], components: [] };
      if (top === undefined) calendar ??= component;
      else top.components.push(component);
      open.push(component);
    } else if (property.name === "END") {
      if (top?.name === property.value.trim().toUpperCase()) open.pop();
    } else top?.properties.push(property);
  }
  return calendar;
}

/** contentline = name *(";" param) ":" value */
function parseProperty(line: string): IcalProperty | undefined {
  const match =
    /^([A-Za-z0-9-]{1,100})((?:;[A-Za-z0-9-]{1,100}=(?:"[^"]*"|[^";:]*)(?:,(?:"[^"]*"|[^";:]*))*)*):/.exec(
      line,
    );
  if (match === null) return undefined;
  const parameters = new Map<string, string>();
  for (const [, name = "", value = ""] of match[2]!.matchAll(/;([A-Za-z0-9-]+)=((?:"[^"]*"|[^";])*)/g)) {
    parameters.set(name.toUpperCase(), value.replaceAll('"', ""));
  }
  return { name: match[1]!.toUpperCase(), parameters, value: line.slice(match[0].length) };
}

export function propertyOf(component: IcalComponent, name: string): IcalProperty | undefined {
  return component.properties.find((property) => property.name === name);
}

/** RFC 5545 §3.3.11. */
export function textOf(component: IcalComponent, name: string): string {
  const value = propertyOf(component, name)?.value ?? "";
  return value.replace(/\\([\\;,nN])/g, (_, character: string) =>
    character === "n" || character === "N" ? "\n" : character,
  );
}
