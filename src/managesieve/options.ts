import { duration, integerIn } from "../config/kinds.ts";
import { option, optionGroup, type SettingsOf } from "../config/option.ts";

export const managesieveOptions = optionGroup("managesieve", "ManageSieve server (RFC 5804).", {
  timeout: option(
    duration,
    "30m",
    "How long a logged-in session may be silent before it is closed; RFC 5804 asks for 30 minutes at least.",
  ),
  login_timeout: option(duration, "1m", "How long a connection may take to log in before it is closed."),
  max_connections: option(integerIn(1, 1_000_000), 1_000, "Sessions at one time; further ones are refused."),
  max_errors: option(
    integerIn(1, 10_000),
    20,
    "Lines in a row that cannot be understood after which a session is closed.",
  ),
});
export type ManagesieveSettings = SettingsOf<typeof managesieveOptions>;
