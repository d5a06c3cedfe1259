/** A test with a phone and the gateway over a real store. */
import { test } from "node:test";
import { type SyncCollection, type SyncExtras, writeSync } from "../../src/eas/client-commands.ts";
import type { Element } from "../../src/eas/element.ts";
import type { ProtocolVersion } from "../../src/eas/version.ts";
import { tagOf } from "../../src/wire/wbxml/code-pages.ts";
import { Phone } from "./eas-phone.ts";
import { EasTrial, type EasTrialOptions } from "./eas-trial.ts";

export interface Scene {
  readonly trial: EasTrial;
  readonly phone: Phone;
  /** CollectionId of INBOX. */
  readonly inbox: string;
  readonly sync: (
    collections: readonly SyncCollection[],
    extras?: SyncExtras,
  ) => Promise<Element | undefined>;
}

export function scene(
  name: string,
  work: (scene: Scene) => Promise<void>,
  options: EasTrialOptions & { readonly version?: ProtocolVersion } = {},
): void {
  test(name, async () => {
    const trial = await EasTrial.open(options);
    try {
      const phone = new Phone(trial.gateway(), options.version);
      await phone.folderSync();
      await work({
        trial,
        phone,
        inbox: phone.idOf("Inbox"),
        sync: (collections, extras = {}) =>
          phone.call("Sync", (writer) => writeSync(writer, collections, extras)),
      });
    } finally {
      await trial.close();
    }
  });
}

export const names = (elements: readonly Element[]): string[] => elements.map(({ name }) => name);

const SERVER_ID = tagOf("AirSync:ServerId");
/** ServerIds. */
export const ids = (elements: readonly Element[]): (string | undefined)[] =>
  elements.map((element) => element.textOf(SERVER_ID));
