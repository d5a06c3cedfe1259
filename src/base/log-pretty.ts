/** `12:00:01.250 WARN  imap  slow command  name=FETCH tookMs=1200`, for people at a terminal. */
export function prettyLine(json: string): string {
  let fields: Record<string, unknown>;
  try {
    fields = JSON.parse(json) as Record<string, unknown>;
  } catch {
    return json;
  }
  const { time, level, log, event, err, ...rest } = fields;
  const clock = typeof time === "string" ? time.slice(11, 23) : "";
  const details = Object.entries(rest).map(([name, value]) => ` ${name}=${printValue(value)}`);
  const head = `${clock} ${text(level).toUpperCase().padEnd(5)} ${text(log)}  ${text(event)}`;
  return `${head}${details.length > 0 ? ` ${details.join("")}` : ""}${printError(err)}\n`;
}

function printValue(value: unknown): string {
  return typeof value === "string" && /^[^\s"=]+$/.test(value) ? value : JSON.stringify(value);
}

function printError(error: unknown): string {
  if (typeof error !== "object" || error === null) return "";
  const stack = "stack" in error && typeof error.stack === "string" ? error.stack : JSON.stringify(error);
  const cause = "cause" in error ? printError(error.cause) : "";
  return `\n${stack.replace(/^/gm, "    ")}${cause}`;
}

function text(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value ?? "");
}
