import type { Command } from "../command.ts";
import { authenticate } from "./authenticate.ts";
import { capability } from "./capability.ts";
import { checkscript } from "./checkscript.ts";
import { deletescript } from "./deletescript.ts";
import { getscript } from "./getscript.ts";
import { havespace } from "./havespace.ts";
import { listscripts } from "./listscripts.ts";
import { logout } from "./logout.ts";
import { noop } from "./noop.ts";
import { putscript } from "./putscript.ts";
import { renamescript } from "./renamescript.ts";
import { setactive } from "./setactive.ts";
import { starttls } from "./starttls.ts";
import { unauthenticate } from "./unauthenticate.ts";

export const MANAGESIEVE_COMMANDS: ReadonlyMap<string, Command> = new Map(
  [
    authenticate,
    starttls,
    logout,
    capability,
    havespace,
    putscript,
    listscripts,
    setactive,
    getscript,
    deletescript,
    renamescript,
    checkscript,
    noop,
    unauthenticate,
  ].map((one) => [one.name, one]),
);
