import { boolean, byteSize, duration, integerIn } from "../config/kinds.ts";
import { option, optionGroup, type SettingsOf } from "../config/option.ts";

/** Names in brackets are Cyrus's for the same thing. */
export const pop3Options = optionGroup("pop3", "POP3 server (RFC 1939).", {
  timeout: option(
    duration,
    "10m",
    "How long a logged-in session may be silent before it is closed; RFC 1939 asks for 10 minutes at least (poptimeout).",
  ),
  login_timeout: option(duration, "1m", "How long a connection may take to log in before it is closed."),
  login_delay: option(
    duration,
    0,
    "How long a user has to wait from one login to the next, 0 for no wait; announced as LOGIN-DELAY (popminpoll).",
  ),
  expire: option(
    integerIn(-1, 36_500),
    -1,
    "Days that messages are kept by the site's policy, announced as EXPIRE; -1 = never removed (popexpiretime). Nothing is removed because of it.",
  ),
  mark_seen: option(boolean, false, "Whether fetched messages get the flag \\Seen (popuseimapflags)."),
  max_connections: option(integerIn(1, 1_000_000), 10_000, "Sessions at one time; further ones are refused."),
  max_errors: option(integerIn(1, 10_000), 20, "Refused commands in a row after which a session is closed."),
  max_output_buffer: option(
    byteSize,
    "512KiB",
    "How many bytes may wait for a slow reader before the session stops producing more.",
  ),
});
export type Pop3Settings = SettingsOf<typeof pop3Options>;
