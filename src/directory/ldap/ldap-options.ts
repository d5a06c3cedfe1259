import { boolean, duration, integerIn, secret, secretFile, text } from "../../config/kinds.ts";
import { option, optionGroup, type SettingsOf } from "../../config/option.ts";

export const ldapOptions = optionGroup("ldap", "Users in LDAP (directory.backend: ldap); read only.", {
  url: option(text, "ldap://127.0.0.1", "The server: ldap://host[:port] or ldaps://host[:port]."),
  start_tls: option(
    boolean,
    "yes",
    "Whether ldap:// is switched to TLS before anything is sent (ldaps:// always is).",
  ),
  ca_file: option(
    secretFile,
    undefined,
    "Certificates (PEM) that the server's must be signed by; else the system's.",
  ),
  bind_dn: option(text, "", "Who searches; empty = anonymous."),
  bind_password: option(secret, undefined, "Password of bind_dn."),
  base: option(text, "", "Where users are searched, such as ou=people,dc=example,dc=org."),
  user_filter: option(
    text,
    "(&(objectClass=inetOrgPerson)(uid={user}))",
    "Finds a user by name; {user} is the user id, {local} and {domain} its parts.",
  ),
  address_filter: option(
    text,
    "(&(objectClass=inetOrgPerson)(|(mail={address})(mailLocalAddress={address})))",
    "Finds the users that take mail for an address; {address}, {local} and {domain} stand for it.",
  ),
  user_attribute: option(text, "uid", "Attribute with the user id."),
  name_attribute: option(text, "cn", "Attribute with the name to show."),
  mail_attribute: option(text, "mail", "Attribute with the primary address."),
  alias_attribute: option(text, "mailLocalAddress", "Attribute with further addresses; empty = none."),
  quota_attribute: option(text, "", "Attribute with the quota in bytes; empty = none."),
  disabled_filter: option(
    text,
    "",
    "Users that match may not log in, such as (loginDisabled=TRUE); empty = all may.",
  ),
  member_of_attribute: option(
    text,
    "",
    "Attribute of users with the DNs of their groups, such as memberOf; empty = groups are searched.",
  ),
  group_base: option(text, "", "Where groups are searched; empty = no groups."),
  group_filter: option(
    text,
    "(&(objectClass=groupOfNames)(member={dn}))",
    "Finds the groups of a user; {dn} and {user} stand for him.",
  ),
  group_attribute: option(text, "cn", "Attribute with a group's name."),
  group_address_filter: option(
    text,
    "",
    "Finds groups that take mail for an address, such as (&(objectClass=groupOfNames)(mail={address})); empty = none.",
  ),
  group_member_attribute: option(text, "member", "Attribute of groups with the DNs of their members."),
  admin_group: option(text, "", "Members of this group are administrators."),
  proxy_group: option(text, "", "Members of this group may act as any user."),
  max_connections: option(
    integerIn(1, 100),
    8,
    "Connections to the server, searches and password checks together.",
  ),
  timeout: option(duration, "5s", "How long to wait for a connection or an answer."),
  retry_delay: option(
    duration,
    "1s",
    "Pause after a failure before the server is asked again; it doubles up to 30s.",
  ),
  cache_time: option(
    duration,
    "60s",
    "How long a user is known without a new search; checked passwords are not known longer than this either.",
  ),
  cache_users: option(integerIn(1, 1_000_000), 20_000, "How many users are known."),
});
export type LdapSettings = SettingsOf<typeof ldapOptions>;

/** What reaching a server takes, whatever is asked of it. */
export type LdapServerSettings = Pick<
  LdapSettings,
  "url" | "startTls" | "caFile" | "bindDn" | "bindPassword" | "timeoutMs" | "retryDelayMs"
>;
