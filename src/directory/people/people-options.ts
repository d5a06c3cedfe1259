import { boolean, duration, integerIn, secret, secretFile, text } from "../../config/kinds.ts";
import { option, optionGroup, type SettingsOf } from "../../config/option.ts";

/** Names in brackets are Opush's for the same thing. */
export const peopleOptions = optionGroup(
  "people",
  "The global address list that phones search; without url the users of the directory.",
  {
    url: option(text, undefined, "LDAP server, ldap://host[:port] or ldaps://host[:port] (search.ldap.url)."),
    base: option(
      text,
      "dc=%d,dc=local",
      "Where people are searched; %d is the domain of who asks (search.ldap.basedn).",
    ),
    filter: option(
      text,
      "(&(objectClass=inetOrgPerson)(|(mail=%q*)(sn=%q*)(givenName=%q*)))",
      "Finds people; %q is what was typed, %d the domain of who asks (search.ldap.filter).",
    ),
    limit: option(integerIn(1, 1_000), 20, "Most people in an answer (search.ldap.limit)."),
    start_tls: option(boolean, "yes", "Whether ldap:// is switched to TLS before anything is sent."),
    ca_file: option(
      secretFile,
      undefined,
      "Certificates (PEM) that the server's must be signed by; else the system's.",
    ),
    bind_dn: option(text, "", "Who searches; empty = anonymous."),
    bind_password: option(secret, undefined, "Password of bind_dn."),
    timeout: option(duration, "5s", "How long to wait for a connection or an answer."),
  },
);
export type PeopleSettings = SettingsOf<typeof peopleOptions>;
