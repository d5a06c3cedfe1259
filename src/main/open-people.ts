import { systemClock } from "../base/io/clock.ts";
import type { Config } from "../config/load.ts";
import { EmbeddedPeople } from "../directory/people/embedded-people.ts";
import { LdapPeople } from "../directory/people/ldap-people.ts";
import type { People } from "../directory/people/people.ts";
import { peopleOptions } from "../directory/people/people-options.ts";
import type { Platform } from "./platform.ts";

/** Whom devices find by name: people in LDAP where that is configured, else the users of the embedded directory. */
export function openPeople(config: Config, { directory, logs }: Platform): People {
  const settings = config.get(peopleOptions);
  logs.named("CONFIGURATION").debug("people", { settings });
  const { url } = settings;
  if (url !== undefined) return new LdapPeople({ ...settings, url }, systemClock, logs.named("people"));
  // Users in another LDAP directory, and nothing said about searching them.
  return new EmbeddedPeople(directory.admin ?? { listUsers: () => Promise.resolve([]) });
}
