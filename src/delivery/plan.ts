import type { Log } from "../base/log.ts";
import { type Action, type Filter, IMPLICIT_KEEP } from "./action.ts";
import type { Addressee } from "./addressee.ts";
import type { Envelope, IncomingMessage } from "./envelope.ts";

/** Bounds what one script can ask for. */
const MAX_ACTIONS = 64;

/** Actions for each place of an addressee, in its order. */
export function planActions(
  filter: Filter,
  message: IncomingMessage,
  envelope: Envelope,
  addressee: Addressee,
  log: Log,
): Promise<readonly (readonly Action[])[]> {
  return Promise.all(
    addressee.places.map(async (place) => {
      try {
        const actions = await filter.actions(message, envelope, addressee, place);
        return actions === undefined ? IMPLICIT_KEEP : actions.slice(0, MAX_ACTIONS);
      } catch (error) {
        // Mail is never lost to a script: RFC 5228 §2.10.6 keeps it.
        log.error("filter failed", { id: envelope.id, user: place.userId, err: error });
        return IMPLICIT_KEEP;
      }
    }),
  );
}
