import type { LocalMailActions, LocalUser } from "../eas/account/local/services.ts";
import { AccountError } from "../eas/account/port.ts";
import type { Platform } from "./platform.ts";

/** Sending, searching, the directory and the vacation message of a user of this node. */
export function localMailActions(_platform: Platform): (user: LocalUser) => LocalMailActions {
  const unavailable = (): Promise<never> =>
    Promise.reject(new AccountError("unavailable", "this node does not send mail yet"));
  const actions: LocalMailActions = {
    searchMail: unavailable,
    searchDirectory: unavailable,
    photo: unavailable,
    send: unavailable,
    vacation: unavailable,
    setVacation: unavailable,
  };
  return () => actions;
}
