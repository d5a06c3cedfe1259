import { byteSize, choice, duration, integerIn } from "../config/kinds.ts";
import { option, optionGroup, type SettingsOf } from "../config/option.ts";

export const submissionOptions = optionGroup(
  "submission",
  "Mail that users send: SMTP submission (RFC 6409) and phones.",
  {
    max_message_size: option(byteSize, "64MiB", "Largest message taken, 0 for no limit."),
    max_recipients: option(integerIn(1, 100_000), 500, "Recipients of one message."),
    user_rate: option(
      integerIn(0, 10_000_000),
      2_000,
      "Recipients that one user may send to in an hour, 0 for no limit.",
    ),
    from_header: option(
      choice("own", "any"),
      "own",
      "Whether From must name an address of the user, as the envelope sender always must.",
    ),
    max_connections: option(integerIn(1, 100_000), 1_000, "Sessions at one time."),
    timeout: option(duration, "5m", "How long a client may be silent before its session is closed."),
  },
);
export type SubmissionSettings = SettingsOf<typeof submissionOptions>;
