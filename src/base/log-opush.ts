/**
 * `05:26:36.669 [INFO] {SUMMARY.OUT} [t0/cFolderSync/r942/user@dom]:message`: the lines of Opush (S2.65), for tools that
 * read its logs. Time, level, logger, thread, command, request, user; other fields come after the message.
 */
export function opushLine(json: string): string {
  let fields: Record<string, unknown>;
  try {
    fields = JSON.parse(json) as Record<string, unknown>;
  } catch {
    return json;
  }
  const { time, level, log, event, command, request, user, err, ...rest } = fields;
  const clock = typeof time === "string" ? time.slice(11, 23) : "";
  const shown = LEVELS[text(level)] ?? text(level).toUpperCase();
  const details = Object.entries(rest).map(([name, value]) => ` ${name}=${text(value)}`);
  const context = `[t${process.pid}/c${text(command)}/r${text(request)}/${text(user)}]`;
  return `${clock} [${shown}] {${text(log)}} ${context}:${text(event)}${details.join("")}${stackOf(err)}\n`;
}

/** As Opush's manual shows them. */
const LEVELS: Readonly<Record<string, string>> = { warn: "WARN ", trace: "TRACE", debug: "DEBUG" };

function stackOf(error: unknown): string {
  if (typeof error !== "object" || error === null) return "";
  return "stack" in error ? `\n${text(error.stack)}` : ` ${JSON.stringify(error)}`;
}

function text(value: unknown): string {
  if (value === undefined || value === null) return "";
  return typeof value === "string" ? value : JSON.stringify(value);
}
