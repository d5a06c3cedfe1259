/** What commands share beyond the request: made once when the gateway opens, by main/ (or a test). */
import type { Clock } from "../../base/io/clock.ts";
import type { Random } from "../../base/io/random.ts";
import type { ItemClass } from "../item-class.ts";
import type { EasSettings } from "../options.ts";
import type { PolicySettings } from "../policy/options.ts";

export interface CommandServices {
  readonly clock: Clock;
  readonly random: Random;
  readonly settings: EasSettings;
  readonly policy: PolicySettings;
  /** Email; later Calendar, Contacts, Tasks, Notes. */
  readonly classes: readonly ItemClass[];
  /** What an older program could not show, this one may. */
  readonly programVersion: string;
}

/** @throws Error for a class that is not served */
export function classNamed(services: CommandServices, name: string): ItemClass {
  const found = services.classes.find((itemClass) => itemClass.name === name);
  if (found === undefined) throw new Error(`no class of items is named "${name}"`);
  return found;
}
