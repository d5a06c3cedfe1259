import { boolean, choice, text } from "../config/kinds.ts";
import { option, optionGroup, type SettingsOf } from "../config/option.ts";
import { DEFAULT_NAMESPACE, type NamespaceOptions } from "../store/namespace.ts";

/** Names in brackets are Cyrus's for the same thing. */
export const namespaceOptions = optionGroup("namespace", "How mailbox names look to clients (RFC 2342).", {
  separator: option(
    choice("/", "."),
    DEFAULT_NAMESPACE.separator,
    "Between the levels of a name; with / names may contain dots (unixhierarchysep).",
  ),
  alternative: option(
    boolean,
    DEFAULT_NAMESPACE.altNamespace,
    "Whether own mailboxes stand beside INBOX instead of below it (altnamespace).",
  ),
  cross_domains: option(
    boolean,
    DEFAULT_NAMESPACE.crossDomains,
    "Whether mailboxes of other domains are visible (crossdomains).",
  ),
  user_prefix: option(text, DEFAULT_NAMESPACE.userPrefix, "Top of other users' mailboxes (userprefix)."),
  shared_prefix: option(text, DEFAULT_NAMESPACE.sharedPrefix, "Top of shared mailboxes (sharedprefix)."),
});
export type NamespaceSettings = SettingsOf<typeof namespaceOptions>;

export function toNamespace(settings: NamespaceSettings, defaultDomain: string): NamespaceOptions {
  const { separator, alternative, crossDomains, userPrefix, sharedPrefix } = settings;
  return {
    ...DEFAULT_NAMESPACE,
    separator,
    altNamespace: alternative,
    crossDomains,
    userPrefix,
    sharedPrefix,
    defaultDomain,
  };
}
