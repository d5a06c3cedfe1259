import { userOf } from "../../../store/names.ts";
import { typeOfLetters } from "../../codec/mailbox-line.ts";
import { SyncRefusal } from "../../reply.ts";
import { parseTextAcl } from "../acl-text.ts";
import type { TextCommand } from "../text-dialogue.ts";

/**
 * CREATE folder uniqueid "acl" type uidvalidity (S5.18); type 0 = mail, else the letter of Cyrus's MBOXTYPE. A folder
 * that is there under this unique id gets the ACL.
 */
export const create: TextCommand = {
  name: "CREATE",
  needs: "user",
  async run(dialogue, reader) {
    const name = reader.sp().text();
    const uniqueId = reader.sp().text();
    const acl = parseTextAcl(reader.sp().text());
    const type = typeOfLetters(reader.sp().text());
    const uidValidity = reader.sp().number();
    const { store } = dialogue.services;
    if (userOf(name) !== dialogue.user) throw new SyncRefusal(`NO ${name} is no folder of ${dialogue.user}`);
    const own = store.mailboxes.find(name);
    if (own?.uniqueId === uniqueId && !own.intermediate) {
      await store.apply({ mailbox: own.id, header: { acl }, records: [] });
      return "OK Create finished";
    }
    if (own !== undefined && !own.intermediate) {
      throw new SyncRefusal(`NO ${name} is there with the unique id ${own.uniqueId}`);
    }
    const other = store.mailboxes.byUniqueId(uniqueId);
    if (other !== undefined) throw new SyncRefusal(`NO The unique id is that of ${other.name}`);
    if (own !== undefined) await store.delete(own.id, { immediate: true, local: true });
    await store.create(name, { type, uniqueId, acl, uidValidity, local: true });
    return "OK Create finished";
  },
};
