import { LOG_LEVELS } from "../base/log.ts";
import { choice, mapOf, text } from "./kinds.ts";
import { option, optionGroup, type SettingsOf } from "./option.ts";

export const logOptions = optionGroup("log", "Logs of the process.", {
  level: option(choice(...LOG_LEVELS), "info", "Which events are written: this level and the graver ones."),
  levels: option(
    mapOf(choice(...LOG_LEVELS)),
    {},
    "Levels of single loggers, named after their room, such as imap=debug. They and level are read again on SIGHUP and within a minute of a change of the file.",
  ),
  format: option(
    choice("auto", "json", "pretty", "opush"),
    "auto",
    "How events are written; auto means readable lines on a terminal and JSON lines elsewhere, opush the lines of Opush.",
  ),
  destination: option(
    text,
    "stderr",
    "Where events go: stderr, stdout or the absolute path of a file, which is reopened on SIGHUP.",
  ),
});
export type LogOptionSettings = SettingsOf<typeof logOptions>;
