/** A program that does nothing but one transaction, which loses against others at first; its argument is the URL. */
import { systemClock } from "../../src/base/io/clock.ts";
import { systemRandom } from "../../src/base/io/random.ts";
import { PostgresDatabase } from "../../src/base/io/sql/postgres.ts";

const database = await PostgresDatabase.open({
  url: process.argv[2] ?? "",
  maxConnections: 1,
  clock: systemClock,
  random: systemRandom,
});
let runs = 0;
await database.transaction(async (transaction) => {
  if (++runs <= 3) await transaction.query("DO $$ BEGIN RAISE serialization_failure; END $$");
});
process.stdout.write(`done at run ${runs}`);
await database.close();
