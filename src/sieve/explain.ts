import type { SieveAction } from "./actions.ts";

/** An action in one line for people: `file into "Work", flags \Seen`. */
export function explainAction(action: SieveAction): string {
  switch (action.kind) {
    case "keep":
      return `keep in INBOX${flagsOf(action.flags)}${edited(action.headers)}`;
    case "fileinto": {
      const ways = [
        action.specialUse === undefined ? "" : `the mailbox for ${action.specialUse}, else `,
        action.mailboxId === undefined ? "" : `the mailbox with id ${action.mailboxId}, else `,
      ].join("");
      const created = action.create ? ", made when it is missing" : "";
      return `file into ${ways}"${action.mailbox}"${created}${flagsOf(action.flags)}${edited(action.headers)}`;
    }
    case "redirect":
      return `redirect to ${action.address}${edited(action.headers)}`;
    case "discard":
      return "discard";
    case "reject":
      return `refuse${action.inProtocol ? " in the protocol" : ""}: ${firstLine(action.reason)}`;
    case "vacation": {
      const subject = action.subject === undefined ? "" : `, subject "${action.subject}"`;
      return `answer "${firstLine(action.reason)}"${subject}, to each sender once in ${printSeconds(action.seconds)}, unless it is a list, a report or an automatic answer`;
    }
    default:
      return `notify ${action.method}${action.message === undefined ? "" : `: ${firstLine(action.message)}`}`;
  }
}

function flagsOf(flags: readonly string[]): string {
  return flags.length === 0 ? "" : `, flags ${flags.join(" ")}`;
}

function edited(headers: readonly unknown[] | undefined): string {
  return headers === undefined ? "" : ", with changed header";
}

function firstLine(text: string): string {
  const [first = "", ...rest] = text.trim().split(/\r?\n/);
  return rest.length === 0 ? first : `${first} …`;
}

function printSeconds(seconds: number): string {
  if (seconds % 86_400 === 0) return seconds === 86_400 ? "a day" : `${seconds / 86_400} days`;
  return `${seconds} seconds`;
}
