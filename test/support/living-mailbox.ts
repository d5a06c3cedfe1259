/** A user's mail that fills itself, and changes as people change theirs between two runs of a migration. */
import { logIn } from "./imap-peer.ts";
import type { Login } from "./mail-picture.ts";
import { oddMail } from "./odd-mail.ts";

export interface MailboxPlace extends Login {
  /** Before every folder but INBOX: `INBOX.` of Cyrus. */
  readonly prefix: string;
  readonly separator: string;
}

export interface MailboxSize {
  /** At least seven. */
  readonly folders: number;
  readonly messagesAFolder: number;
  readonly bigMessageBytes: number;
}

/** What `change` deletes and makes again: another UIDVALIDITY under the same name. */
const MADE_ANEW = "Again";
const FOLDERS = ["Entw&APw-rfe", "Projects", "Projects/2024", "Old mail", "Temp", MADE_ANEW];
const FLAGS = ["", "\\Seen", "\\Flagged $Label1", "\\Answered \\Seen", "\\Draft Other"];

export async function fill(place: MailboxPlace, size: MailboxSize): Promise<void> {
  const client = await logIn(place.endpoint, place.user, place.password);
  const more = Array.from({ length: size.folders - FOLDERS.length - 1 }, (_, at) => `Folder ${at}`);
  const folders = [...FOLDERS, ...more];
  for (const folder of folders) await client.ok(`CREATE "${nameOf(place, folder)}"`);
  for (const [at, folder] of ["INBOX", ...folders].entries()) {
    const messages = Array.from({ length: size.messagesAFolder }, (_, number) => ({
      flags: FLAGS[(at + number) % 5] ?? "",
      message: Buffer.from(`Subject: ${folder} ${number}\r\nTo: ${place.user}\r\n\r\nBody ${number}\r\n`),
    }));
    await client.appendAll(nameOf(place, folder), messages);
  }
  for (const mail of oddMail()) {
    // Cyrus takes no mail without a good header.
    await client.append(nameOf(place, "Entw&APw-rfe"), "", mail).catch((error: unknown) => {
      if (!/Message contains (?:invalid|8bit)/i.test(String(error))) throw error;
    });
  }
  if (size.bigMessageBytes > 0) {
    const body = Buffer.alloc(size.bigMessageBytes, "0123456789abcd\r\n");
    await client.append("INBOX", "\\Seen", Buffer.concat([Buffer.from("Subject: big\r\n\r\n"), body]));
  }
  await client.close();
}

/** Changed flags, deleted, moved and new messages; renamed, moved, deleted folders; one that was made anew. */
export async function change(place: MailboxPlace): Promise<void> {
  const client = await logIn(place.endpoint, place.user, place.password);
  const name = (folder: string): string => `"${nameOf(place, folder)}"`;
  await client.ok("SELECT INBOX");
  await client.ok("STORE 1:2 FLAGS (\\Flagged Later)");
  await client.ok(`MOVE 3 ${name("Projects")}`);
  await client.ok("STORE 3 +FLAGS (\\Deleted)");
  await client.ok("EXPUNGE");
  await client.ok("CLOSE");
  await client.append("INBOX", "", Buffer.from("Subject: after the first run\r\n\r\n1\r\n"));
  await client.append(nameOf(place, "Projects"), "\\Seen", Buffer.from("Subject: new\r\n\r\n2\r\n"));
  await client.ok(`RENAME ${name("Old mail")} ${name("Older mail")}`);
  await client.ok(`RENAME ${name("Projects/2024")} ${name("Done")}`);
  await client.ok(`DELETE ${name("Temp")}`);
  await client.ok(`DELETE ${name(MADE_ANEW)}`);
  await client.ok(`CREATE ${name(MADE_ANEW)}`);
  await client.append(nameOf(place, MADE_ANEW), "\\Flagged", Buffer.from("Subject: another\r\n\r\n3\r\n"));
  await client.close();
}

function nameOf({ prefix, separator }: MailboxPlace, folder: string): string {
  return folder === "INBOX" ? folder : prefix + folder.replaceAll("/", separator);
}
