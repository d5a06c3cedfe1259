import { byteSize, duration, integerIn, listOf, text } from "../config/kinds.ts";
import { option, optionGroup, type SettingsOf } from "../config/option.ts";

export const imapOptions = optionGroup("imap", "IMAP server (RFC 9051, RFC 3501).", {
  timeout: option(
    duration,
    "30m",
    "How long a logged-in session may be silent, also in IDLE, before it is closed (RFC 9051 §5.4 asks for 30 minutes at least).",
  ),
  login_timeout: option(duration, "1m", "How long a connection may take to log in before it is closed."),
  max_line: option(byteSize, "64KiB", "The longest command line, literals not counted."),
  max_message: option(
    byteSize,
    "50MiB",
    "The largest message APPEND takes (announced as APPENDLIMIT; 0 = no limit).",
  ),
  max_literal: option(byteSize, "256KiB", "The largest literal that is not a message."),
  max_output_buffer: option(
    byteSize,
    "512KiB",
    "How many bytes may wait for a slow reader before the session stops producing more.",
  ),
  max_bad_commands: option(
    integerIn(1, 1000),
    20,
    "How many commands in a row may be refused as BAD before the connection is closed.",
  ),
  submission_users: option(
    listOf(text),
    [],
    "User ids of submission servers: they may read URLs that are authorised for submission (RFC 4467).",
  ),
  body_read_ahead: option(
    byteSize,
    "4MiB",
    "How many bytes of message bodies one FETCH reads ahead of its answer.",
  ),
});

export type ImapSettings = SettingsOf<typeof imapOptions>;
