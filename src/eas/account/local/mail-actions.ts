/** What an account over this node's store does beside its folders: sending, searching, people, out of office. */
import type { Scripts } from "../../../delivery/scripts.ts";
import type { TextSearch } from "../../../index/port.ts";
import type { People } from "../../../directory/people/people.ts";
import { readVacation, writeVacation } from "../vacation-script.ts";
import { asAccount } from "./failure.ts";
import { searchMail } from "./search.ts";
import { type Outgoing, sendAs } from "./send.ts";
import type { LocalMailActions, LocalServices, LocalUser } from "./services.ts";
import { vacationScripts } from "./vacation.ts";

export interface MailActionPorts {
  readonly outgoing: Outgoing;
  readonly textSearch: TextSearch;
  readonly people: People;
  readonly scripts: Scripts;
}

export function mailActionsOf(
  services: LocalServices,
  { outgoing, textSearch, people, scripts }: MailActionPorts,
  user: LocalUser,
): LocalMailActions {
  const { userId } = user;
  const own = vacationScripts(scripts, userId);
  return {
    send: (message) => sendAs(services, user, outgoing, message),
    searchMail: (query) => searchMail(services, user, textSearch, query),
    searchDirectory: (query, limit) => asAccount(people.search(query, domainOf(services, user), limit)),
    async photo(address, maxBytes) {
      const photo = await asAccount(people.photo(address, domainOf(services, user)));
      if (photo === undefined) return "none";
      return photo.length > maxBytes ? "too_big" : photo;
    },
    vacation: () => readVacation(own),
    setVacation: (vacation) => writeVacation(own, { userId, addresses: user.user.addresses }, vacation),
  };
}

function domainOf({ directory }: LocalServices, { userId }: LocalUser): string {
  const at = userId.lastIndexOf("@");
  return at < 0 ? directory.defaultDomain : userId.slice(at + 1);
}
