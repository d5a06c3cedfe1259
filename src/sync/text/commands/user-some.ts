import type { Mailbox } from "../../../store/model.ts";
import { userOf } from "../../../store/names.ts";
import type { Send } from "../../dialogue.ts";
import { SyncRefusal } from "../../reply.ts";
import { isExpunged } from "../../client/collect.ts";
import { folderLine, messageLines } from "../folder-lines.ts";
import type { TextCommand, TextDialogue } from "../text-dialogue.ts";

/** USER_SOME user [folder …] (S5.6): begins the user's turn and shows those folders that are there, without any all. */
export const userSome: TextCommand = {
  name: "USER_SOME",
  needs: "nothing",
  async run(dialogue, reader, send) {
    const user = reader.sp().text();
    const names: string[] = [];
    while (!reader.atEnd) names.push(reader.sp().text());
    const { mailboxes } = dialogue.services.store;
    const stranger = names.find((name) => userOf(name) !== user);
    if (stranger !== undefined) throw new SyncRefusal(`NO ${stranger} is no folder of ${user}`);
    dialogue.endUser();
    dialogue.user = user;
    const wanted =
      names.length === 0 ? [...mailboxes.ofUser(user)] : names.map((name) => mailboxes.find(name));
    for (const mailbox of wanted) {
      if (mailbox === undefined || mailbox.intermediate) continue;
      await send(folderLine(mailbox));
      await sendMessages(dialogue, mailbox, send);
    }
    return "OK User_Some finished";
  },
};

/** SELECT folder → `OK uniqueid uidlast lastseen` (S5.11). */
export const select: TextCommand = {
  name: "SELECT",
  needs: "user",
  run(dialogue, reader) {
    const name = reader.sp().text();
    const mailbox = dialogue.services.store.mailboxes.find(name);
    if (mailbox === undefined || mailbox.intermediate || userOf(name) !== dialogue.user) {
      throw new SyncRefusal(`NO There is no folder ${name} of ${dialogue.user}`);
    }
    dialogue.select(mailbox);
    return `OK ${mailbox.uniqueId} ${mailbox.lastUid} ${mailbox.recentTime}`;
  },
};

/** STATUS → the messages of the selected folder, `OK uidlast` (S5.14). */
export const status: TextCommand = {
  name: "STATUS",
  needs: "folder",
  async run(dialogue, _, send) {
    const mailbox = dialogue.folder();
    await sendMessages(dialogue, mailbox, send);
    return `OK ${mailbox.lastUid}`;
  },
};

/** ENDUSER: the end of the user's turn; what was reserved is let go. */
export const endUser: TextCommand = {
  name: "ENDUSER",
  needs: "user",
  run(dialogue) {
    dialogue.endUser();
    return "OK Enduser finished";
  },
};

async function sendMessages(dialogue: TextDialogue, { id }: Mailbox, send: Send): Promise<void> {
  for (const group of dialogue.services.store.readRecords(id)) {
    const live = group.filter((record) => !isExpunged(record));
    if (live.length > 0) await send([messageLines(live)]);
  }
}
