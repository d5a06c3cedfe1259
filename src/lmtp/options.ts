import { byteSize, duration, integerIn, listOf, networkList, text } from "../config/kinds.ts";
import { option, optionGroup, type SettingsOf } from "../config/option.ts";

/** Names in brackets are Cyrus's for the same thing. */
export const lmtpOptions = optionGroup("lmtp", "LMTP server (RFC 2033): takes mail from MTAs.", {
  trusted_networks: option(
    networkList,
    ["127.0.0.0/8", "::1/128"],
    "Networks whose peers deliver without authenticating (lmtpd -a).",
  ),
  admins: option(
    listOf(text),
    [],
    "Users besides the administrators who may deliver after authenticating (lmtp_admins).",
  ),
  max_message_size: option(byteSize, "64MiB", "Largest message taken, 0 for no limit (maxmessagesize)."),
  max_recipients: option(integerIn(1, 100_000), 1_000, "Recipients of one message; further ones get 452."),
  max_errors: option(integerIn(1, 10_000), 20, "Commands in error after which a session is closed with 421."),
  max_connections: option(integerIn(1, 100_000), 1_000, "Sessions at one time; further ones get 421."),
  timeout: option(
    duration,
    "5m",
    "How long a peer may be silent before its session is closed (RFC 5321 section 4.5.3.2.7).",
  ),
});
export type LmtpSettings = SettingsOf<typeof lmtpOptions>;
