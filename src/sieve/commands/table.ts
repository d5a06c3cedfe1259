import type { CommandDefinition } from "../compiler.ts";
import { discard, keep, stop } from "./basic.ts";
import { addheader, deleteheader } from "./editheader.ts";
import { error } from "./error.ts";
import { fileinto } from "./fileinto.ts";
import { addflag, removeflag, setflag } from "./flags.ts";
import { global, include, returnCommand } from "./include.ts";
import { breakCommand, extracttext, foreverypart } from "./mime.ts";
import { notify } from "./notify.ts";
import { redirect } from "./redirect.ts";
import { erejectCommand, rejectCommand } from "./reject.ts";
import { set } from "./set.ts";
import { vacation } from "./vacation.ts";

/** Every command there is, by its name in a script; `if` and `require` belong to the compiler. */
export const commandTable: ReadonlyMap<string, CommandDefinition> = new Map(
  [
    addflag,
    addheader,
    breakCommand,
    deleteheader,
    discard,
    erejectCommand,
    error,
    extracttext,
    fileinto,
    foreverypart,
    global,
    include,
    keep,
    notify,
    redirect,
    rejectCommand,
    removeflag,
    returnCommand,
    set,
    setflag,
    stop,
    vacation,
  ].map((definition) => [definition.name, definition]),
);
