import { syncCommand } from "../command.ts";
import { readFields } from "../fields.ts";
import { UNLIMITED } from "./get-quota.ts";

const KIB = 1024;

function subscription(name: "SUB" | "UNSUB") {
  return syncCommand({
    name,
    async run(dialogue, reader) {
      const fields = readFields(reader);
      await dialogue.services.store.subscriptions.set(
        fields.text("USERID"),
        fields.text("MBOXNAME"),
        name === "SUB",
        { local: true },
      );
    },
  });
}

/** APPLY SUB and UNSUB %(USERID u MBOXNAME m). */
export const applySub = subscription("SUB");
export const applyUnsub = subscription("UNSUB");

/** APPLY SEEN %(USERID u UNIQUEID i LASTREAD t LASTUID n LASTCHANGE t SEENUIDS set). */
export const applySeen = syncCommand({
  name: "SEEN",
  async run(dialogue, reader) {
    const fields = readFields(reader);
    await dialogue.services.store.seen.set(
      {
        userId: fields.text("USERID"),
        uniqueId: fields.text("UNIQUEID"),
        lastRead: fields.number("LASTREAD"),
        lastUid: fields.number("LASTUID"),
        lastChange: fields.number("LASTCHANGE"),
        seenUids: fields.text("SEENUIDS"),
      },
      { local: true },
    );
  },
});

/** APPLY QUOTA %(ROOT r LIMIT n STORAGE n MESSAGE n … MODSEQ n); LIMIT is STORAGE in old form. */
export const applyQuota = syncCommand({
  name: "QUOTA",
  async run(dialogue, reader) {
    const fields = readFields(reader);
    const limit = (key: string, unit: number): number | undefined => {
      const value = fields.has(key) ? fields.number(key) : UNLIMITED;
      return value >= UNLIMITED ? undefined : value * unit;
    };
    await dialogue.services.store.quotas.set(
      fields.text("ROOT"),
      {
        storageLimitBytes: limit(fields.has("STORAGE") ? "STORAGE" : "LIMIT", KIB),
        messageLimit: limit("MESSAGE", 1),
        annotationStorageLimitBytes: limit("X-ANNOTATION-STORAGE", KIB),
        mailboxLimit: limit("X-NUM-FOLDERS", 1),
      },
      { local: true },
    );
  },
});

/** APPLY UNQUOTA root. A root that is not there is no error. */
export const applyUnquota = syncCommand({
  name: "UNQUOTA",
  async run(dialogue, reader) {
    const root = reader.text();
    const { quotas } = dialogue.services.store;
    if (quotas.get(root) !== undefined) await quotas.remove(root, { local: true });
  },
});

function annotation(name: "ANNOTATION" | "UNANNOTATION") {
  return syncCommand({
    name,
    async run(dialogue, reader) {
      const fields = readFields(reader);
      const value = name === "ANNOTATION" ? fields.bytes("VALUE") : undefined;
      await dialogue.services.store.annotations.set(
        fields.text("MBOXNAME"),
        [{ entry: fields.text("ENTRY"), userId: fields.text("USERID"), value }],
        { local: true },
      );
    },
  });
}

/** APPLY ANNOTATION and UNANNOTATION %(MBOXNAME m ENTRY e USERID u [VALUE v]). */
export const applyAnnotation = annotation("ANNOTATION");
export const applyUnannotation = annotation("UNANNOTATION");

/** APPLY SIEVE %(USERID u FILENAME f LAST_UPDATE t CONTENT c): from clients without SIEVE-MAILBOX. */
export const applySieve = syncCommand({
  name: "SIEVE",
  async run(dialogue, reader) {
    const fields = readFields(reader);
    await dialogue.scripts.put(
      fields.text("USERID"),
      fields.text("FILENAME"),
      fields.bytes("CONTENT"),
      fields.number("LAST_UPDATE"),
    );
  },
});

/** APPLY UNSIEVE %(USERID u FILENAME f). */
export const applyUnsieve = syncCommand({
  name: "UNSIEVE",
  async run(dialogue, reader) {
    const fields = readFields(reader);
    await dialogue.scripts.remove(fields.text("USERID"), fields.text("FILENAME"));
  },
});

/** APPLY ACTIVATE_SIEVE %(USERID u FILENAME f.bc). */
export const applyActivateSieve = syncCommand({
  name: "ACTIVATE_SIEVE",
  async run(dialogue, reader) {
    const fields = readFields(reader);
    const user = fields.text("USERID");
    await dialogue.scripts.activate(user, fields.text("FILENAME"));
    dialogue.warnOfActiveScript(user);
  },
});

/** APPLY UNACTIVATE_SIEVE %(USERID u). */
export const applyUnactivateSieve = syncCommand({
  name: "UNACTIVATE_SIEVE",
  async run(dialogue, reader) {
    await dialogue.scripts.activate(readFields(reader).text("USERID"), undefined);
  },
});
