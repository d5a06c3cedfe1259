import { boolean, byteSize, choice, duration, integerIn, listOf, text } from "../../config/kinds.ts";
import { option, optionGroup, type SettingsOf } from "../../config/option.ts";

export const migrateImapOptions = optionGroup(
  "migrateimap",
  "The built-in IMAP engine of the migration. What a user's imapcOptions or the source's imapc settings say comes first.",
  {
    tls: option(
      choice("auto", "starttls", "implicit", "off"),
      "auto",
      "TLS towards the source; auto takes STARTTLS where it is offered, and implicit TLS on port 993 (imapc_ssl).",
    ),
    verify_certificate: option(
      boolean,
      true,
      "Whether the source's certificate is checked (imapc_ssl_verify).",
    ),
    compress: option(boolean, false, "Whether COMPRESS is used where the source has it (RFC 4978)."),
    silence: option(
      duration,
      "2m",
      "How long a server may say nothing while it is asked, before the connection is given up and made anew.",
    ),
    master_form: option(
      text,
      "authzid",
      "How a master user logs in for another: authzid (SASL PLAIN), or the separator of user*master (imapc_master_user).",
    ),
    source_prefix: option(text, "", "Taken off folder names of the source beside what its NAMESPACE says."),
    target_prefix: option(text, "", "Folders but INBOX go below this one; / stands between levels."),
    excludes: option(
      listOf(text),
      [],
      "Folders of every user that stay behind, with all below them; * and % as in LIST. Users add theirs by excludeFolders.",
    ),
    renames: option(
      listOf(text),
      [],
      "Regular expressions on folder names with / between levels, as EXPRESSION=>REPLACEMENT; the first that fits is applied.",
    ),
    automap: option(
      boolean,
      true,
      "Whether folders of a special use (RFC 6154) become the target's folder of that use.",
    ),
    foreign: option(
      boolean,
      false,
      "Whether other users' and shared folders that the user sees are copied too.",
    ),
    acl: option(boolean, true, "Whether rights of others on folders are carried over (RFC 4314)."),
    deletes: option(
      boolean,
      true,
      "Whether messages and folders that go at the source after they were copied go at the target, too.",
    ),
    max_message: option(
      byteSize,
      "0",
      "Larger messages are skipped and reported (0 = what the target takes).",
    ),
    verify: option(
      choice("off", "sizes", "digests"),
      "sizes",
      "How both sides are compared after each cutover; digests reads every message again on both sides.",
    ),
    window: option(integerIn(1, 10_000), 100, "Messages that one FETCH asks for; three are on their way."),
    attempts: option(
      integerIn(1, 100),
      5,
      "How often a migration connects anew when it gets no further, before it fails.",
    ),
    full_retry_after: option(
      duration,
      "15m",
      "How long a migration waits in the queue when its target has no room, or refuses for now.",
    ),
    full_retries: option(
      integerIn(0, 10_000),
      96,
      "How often it is tried again for that before it fails; each time it goes on where it was.",
    ),
  },
);

export type MigrateImapSettings = SettingsOf<typeof migrateImapOptions>;
