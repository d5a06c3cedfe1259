import { boolean, byteSize, integerIn, path } from "../config/kinds.ts";
import { option, optionGroup, type SettingsOf } from "../config/option.ts";

/** Names in brackets are Cyrus's for the same thing. */
export const sieveOptions = optionGroup(
  "sieve",
  "Users' filters (Sieve, RFC 5228) and where they are kept.",
  {
    enabled: option(boolean, true, "Whether users' active scripts run at delivery."),
    max_script_size: option(byteSize, "64KiB", "The largest script that is taken (sieve_maxscriptsize)."),
    max_scripts: option(integerIn(1, 10_000), 32, "Scripts that a user may have (sieve_maxscripts)."),
    global_folder: option(
      path,
      undefined,
      "Folder with the operator's scripts, NAME.sieve, for `include :global`; without it there are none.",
    ),
    max_redirects: option(
      integerIn(0, 1_000),
      8,
      "Addresses that one message may be redirected to; announced as MAXREDIRECTS.",
    ),
  },
);
export type SieveSettings = SettingsOf<typeof sieveOptions>;
