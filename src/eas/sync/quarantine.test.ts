import assert from "node:assert/strict";
import { deliver } from "../../../test/support/eas-mailbox.ts";
import { Phone } from "../../../test/support/eas-phone.ts";
import { scene } from "../../../test/support/eas-scene.ts";
import { tagOf } from "../../wire/wbxml/code-pages.ts";
import type { ItemClass } from "../item-class.ts";

const READ = tagOf("Email:Read");

/** The class with one message that throws at this stage. */
function failing(
  email: ItemClass,
  stage: "prepared" | "written",
  isRepaired: () => boolean = () => false,
): ItemClass {
  return {
    name: email.name,
    readOptions: (options, version) => email.readOptions(options, version),
    writeChange: (writer, state, context) => email.writeChange(writer, state, context),
    change: (collection, uid, data, context) => email.change(collection, uid, data, context),
    add: (collection, data, context, origin) => email.add(collection, data, context, origin),
    async prepare(item, context) {
      const text = (await item.read(0, item.sizeBytes)).toString();
      const write = await email.prepare(item, context);
      if (!text.includes("bad 0") || isRepaired()) return write;
      if (stage === "prepared") throw new Error("it is bad");
      return (writer) => {
        write(writer.start(READ));
        throw new Error("it is bad");
      };
    },
  };
}

let knowsHow = false;
scene(
  "Sync: what a program left out, its next version tries again",
  async ({ trial, phone, inbox }) => {
    await deliver(trial, 1, { text: "bad" });
    await phone.syncAll(inbox);
    const listed = (): Promise<readonly unknown[]> => trial.states.list("alice", "PHONE1", "quarantine");
    assert.equal((await listed()).length, 1);
    for (const [version, repaired, known] of [
      ["1", true, false],
      ["2", false, false],
      ["3", true, true],
    ] as const) {
      knowsHow = repaired;
      phone.gateway = trial.gateway(version);
      await phone.syncAll(inbox);
      assert.equal(phone.collection(inbox).items.has(`${inbox}:1`), known, version);
      assert.equal((await listed()).length, known ? 0 : 1, version);
    }
    // The user heard of it once.
    assert.equal(phone.collection(inbox).items.size, 2);
  },
  { wrapClass: (email) => failing(email, "prepared", () => knowsHow) },
);

for (const stage of ["prepared", "written"] as const) {
  scene(
    `Sync: an item that cannot be ${stage} is left out, and the user hears of it once`,
    async ({ trial, phone, inbox }) => {
      await deliver(trial, 1, { text: "bad" });
      await deliver(trial, 3);
      await phone.syncAll(inbox, 2);
      const { items } = phone.collection(inbox);
      const subjects = [...items.values()].map(({ subject }) => subject);
      assert.equal(items.size, 4);
      assert.ok(subjects.includes("A message cannot be shown on your mobile devices"));
      const second = new Phone(trial.gateway(), 161, "PHONE2");
      await second.folderSync();
      await second.syncAll(inbox);
      assert.equal(second.collection(inbox).items.size, 4);
      const listed = await trial.states.list("alice", "PHONE1", "quarantine");
      assert.deepEqual(
        listed.map(({ key, value }) => [key, value.toString()]),
        [[`${inbox}:1`, "it is bad"]],
      );
      assert.equal(trial.events.filter(({ event }) => event === "item left out").length, 2);
    },
    { wrapClass: (email) => failing(email, stage) },
  );
}
