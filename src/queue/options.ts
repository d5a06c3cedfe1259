import { boolean, choice, duration, hostPort, integerIn, secret, text } from "../config/kinds.ts";
import { option, optionGroup, type SettingsOf } from "../config/option.ts";

export const queueOptions = optionGroup(
  "queue",
  "Outgoing mail: redirects, out-of-office answers, reports.",
  {
    route: option(
      choice("smart_host", "mx"),
      "smart_host",
      "Where mail goes: all of it to the smart host, or to the mail exchangers of each domain.",
    ),
    smart_host: option(
      hostPort,
      "127.0.0.1:25",
      "The mail transfer agent that takes outgoing mail; usually the one that delivers here.",
    ),
    implicit_tls: option(boolean, false, "Whether the smart host wants TLS from the first byte (port 465)."),
    user: option(text, undefined, "User to authenticate as at the smart host, over TLS only."),
    password: option(secret, undefined, "Password of that user."),
    tls: option(
      choice("opportunistic", "required", "verified", "never"),
      "opportunistic",
      "TLS with the next host: when it can, always, always with a certificate that is right, or never.",
    ),
    retry_first: option(
      duration,
      "5m",
      "Wait after the first failed attempt; doubled after each further one.",
    ),
    retry_max: option(duration, "4h", "The longest wait between two attempts."),
    max_age: option(duration, "5d", "After this long mail that could not be sent is returned to its sender."),
    delay_notice: option(
      duration,
      "4h",
      "After this long the sender is told that his mail is late, 0 for never.",
    ),
    max_connections: option(integerIn(1, 1_000), 20, "Connections to other hosts at one time."),
    max_connections_per_destination: option(
      integerIn(1, 100),
      2,
      "Connections to one destination at one time.",
    ),
    timeout: option(
      duration,
      "5m",
      "How long the other host may take for one answer (RFC 5321 section 4.5.3.2).",
    ),
    max_messages: option(
      integerIn(1, 10_000_000),
      100_000,
      "Messages that may wait; above it new ones are refused, so that the sending host keeps them.",
    ),
    user_rate: option(
      integerIn(1, 1_000_000),
      500,
      "Messages that the filter of one user may send in an hour; further redirects are put off, answers left out.",
    ),
  },
);
export type QueueSettings = SettingsOf<typeof queueOptions>;
