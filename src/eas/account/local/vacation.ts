/** The scripts of a user of this node, for his out-of-office answer. */
import type { Scripts } from "../../../delivery/scripts.ts";
import { ScriptRefusal } from "../../../delivery/script-refusal.ts";
import { AccountError } from "../port.ts";
import type { VacationScripts } from "../vacation-script.ts";
import { accountFailure } from "./failure.ts";

export function vacationScripts(scripts: Scripts, userId: string): VacationScripts {
  return {
    extensions: undefined,
    list: () => asAccount(scripts.list(userId)),
    find: (name) => asAccount(scripts.find(userId, name)),
    async put(name, content) {
      await asAccount(scripts.put(userId, name, content));
    },
    async setActive(name) {
      await asAccount(scripts.setActive(userId, name));
    },
  };
}

async function asAccount<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (!(error instanceof ScriptRefusal)) throw accountFailure(error);
    throw new AccountError("permission_denied", error.message, { cause: error });
  }
}
