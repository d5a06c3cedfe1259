import type { TextCommand } from "../text-dialogue.ts";
import { expunge, setFlags, setSeen } from "./change-messages.ts";
import { create } from "./create.ts";
import { reserve } from "./reserve.ts";
import { upload } from "./upload.ts";
import { endUser, select, status, userSome } from "./user-some.ts";

/** Every command but EXIT, which is the session's. */
export const textTable: ReadonlyMap<string, TextCommand> = new Map(
  [create, endUser, expunge, reserve, select, setFlags, setSeen, status, upload, userSome].map((command) => [
    command.name,
    command,
  ]),
);
