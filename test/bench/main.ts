/**
 * npm run bench -- imap [--only ROW]... [--rounds N] [--small] [--server NAME]... [--profile FOLDER]
 *   [--compare CHECKOUT]
 * npm run bench -- eas [--only ROW]... [--rounds N] [--small] [--many] [--server NAME]... [--profile FOLDER]
 * npm run bench -- migrate [--only ROW]... [--rounds N] [--small]
 * npm run bench -- sieve [--rounds N] [--small] [--server NAME]...
 * npm run bench -- sync [--rounds N] [--small]
 *
 * Prints ratios. Nothing else should run on the machine; the load is printed with the figures.
 */
import { parseArgs } from "node:util";
import { runEasBench } from "./eas/run.ts";
import { runImapBench } from "./imap/run.ts";
import { runMigrateBench } from "./migrate/run.ts";
import { runSieveBench } from "./sieve/run.ts";
import { runSyncBench } from "./sync/run.ts";

const DEFAULT_ROUNDS = 5;
const SMALL_ROUNDS = 2;
/** With five, and SOGo among them, a run takes a quarter of an hour. */
const EAS_ROUNDS = 2;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    only: { type: "string", multiple: true },
    rounds: { type: "string" },
    small: { type: "boolean" },
    many: { type: "boolean" },
    server: { type: "string", multiple: true },
    profile: { type: "string" },
    compare: { type: "string" },
  },
});
const [suite, ...rest] = positionals;
const SUITES = ["eas", "imap", "migrate", "sieve", "sync"];
if (suite === undefined || !SUITES.includes(suite) || rest.length > 0) {
  console.error(`bench: give one suite; there are: ${SUITES.join(", ")}`);
  process.exit(2);
}
const small = values.small === true;
const usualRounds = small ? SMALL_ROUNDS : suite === "eas" ? EAS_ROUNDS : DEFAULT_ROUNDS;
const rounds = Number(values.rounds ?? usualRounds);
if (suite === "sieve") {
  await runSieveBench({ rounds, small, servers: values.server ?? [] });
} else if (suite === "sync") {
  await runSyncBench({ rounds, small });
} else if (suite === "eas") {
  const profile = values.profile === undefined ? {} : { profileFolder: values.profile };
  await runEasBench({
    rounds,
    small,
    many: values.many === true,
    only: values.only ?? [],
    servers: values.server ?? [],
    ...profile,
  });
} else if (suite === "migrate") {
  await runMigrateBench({ rounds, small, only: values.only ?? [] });
} else {
  await runImapBench({
    only: values.only ?? [],
    rounds,
    small,
    servers: values.server ?? [],
    ...(values.profile === undefined ? {} : { profileFolder: values.profile }),
    ...(values.compare === undefined ? {} : { compareWith: values.compare }),
  });
}
