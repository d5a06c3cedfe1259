import type { Command } from "../command.ts";
import { auth } from "./auth.ts";
import { bdat } from "./bdat.ts";
import { data } from "./data.ts";
import { help } from "./help.ts";
import { ehlo, helo, lhlo } from "./lhlo.ts";
import { mail } from "./mail.ts";
import { noop } from "./noop.ts";
import { quit } from "./quit.ts";
import { rcpt } from "./rcpt.ts";
import { rset } from "./rset.ts";
import { starttls } from "./starttls.ts";
import { vrfy } from "./vrfy.ts";

export const LMTP_COMMANDS: ReadonlyMap<string, Command> = new Map(
  [lhlo, mail, rcpt, data, bdat, rset, noop, vrfy, help, quit, starttls, auth, helo, ehlo].map((one) => [
    one.name,
    one,
  ]),
);
