/** What every `SqlDatabase` promises. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type SqlDatabase, SqlError } from "../../../src/base/io/sql/port.ts";
import { identityKey, schemaVersion, updateSchema } from "../../../src/base/io/sql/schema.ts";

export interface SqlPlace {
  /** Another door to the same database. */
  open(): Promise<SqlDatabase>;
}

const TABLE =
  "CREATE TABLE item (id bigint NOT NULL PRIMARY KEY, name text UNIQUE, size bigint, share double precision, body bytea)";

const refusal = (code: string) => (error: unknown) => error instanceof SqlError && error.code === code;

/** @param makePlace a new, empty database */
export function sqlContract(makePlace: () => Promise<SqlPlace>): void {
  const withDatabase =
    (work: (database: SqlDatabase, place: SqlPlace) => Promise<void>) => async (): Promise<void> => {
      const place = await makePlace();
      const database = await place.open();
      try {
        await database.query(TABLE);
        await work(database, place);
      } finally {
        await database.close();
      }
    };
  const add = (id: number, name: string | null = null) => ({
    sql: "INSERT INTO item (id, name) VALUES ($1, $2)",
    values: [id, name],
  });
  const count = async (database: SqlDatabase): Promise<unknown> =>
    (await database.query("SELECT count(*) AS n FROM item"))[0]?.["n"];

  test(
    "values come back as they went in",
    withDatabase(async (database) => {
      const body = Buffer.from([0, 255, 10, 92]);
      const row = { id: 1, name: "Grüße, 雪 'x' \\ ;", size: 2 ** 40, share: 0.25, body };
      const returned = await database.query(
        "INSERT INTO item (id, name, size, share, body) VALUES ($1, $2, $3, $4, $5) RETURNING id, name, size, share, body",
        [row.id, row.name, row.size, row.share, row.body],
      );
      assert.deepEqual(returned, [row]);
      const huge = 2n ** 62n + 1n;
      await database.query("INSERT INTO item (id, size) VALUES ($1, $2)", [2, huge]);
      const rows = await database.query("SELECT id, name, size, share, body FROM item ORDER BY id");
      assert.deepEqual(rows[0], row);
      assert.ok(Buffer.isBuffer(rows[0]?.["body"]));
      assert.deepEqual(rows[1], { id: 2, name: null, size: huge, share: null, body: null });
      const [sums] = await database.query(
        "SELECT count(*) AS n, sum(id) AS total, max(size) AS last FROM item WHERE id < $1",
        [2],
      );
      assert.deepEqual(sums, { n: 1, total: 1, last: row.size });
    }),
  );

  test(
    "a parameter may be used twice and in any order",
    withDatabase(async (database) => {
      await database.batch([add(1, "a"), add(2, "b")]);
      const rows = await database.query(
        "SELECT id FROM item WHERE name = $2 OR id = $1 OR id + 0 = $1 ORDER BY id",
        [2, "a"],
      );
      assert.deepEqual(rows, [{ id: 1 }, { id: 2 }]);
    }),
  );

  test(
    "a batch says how many rows each statement changed",
    withDatabase(async (database) => {
      assert.deepEqual(await database.batch([]), []);
      const counts = await database.batch([
        add(1, "a"),
        add(2, "b"),
        { sql: "UPDATE item SET size = 1", values: [] },
        { sql: "DELETE FROM item WHERE id = $1", values: [9] },
        { sql: "UPDATE item SET size = size + 1 WHERE id = $1 RETURNING size", values: [1] },
      ]);
      assert.deepEqual(counts, [1, 1, 2, 0, 1]);
    }),
  );

  test(
    "a batch happens as a whole or not at all",
    withDatabase(async (database) => {
      await database.batch([add(1, "a")]);
      await assert.rejects(database.batch([add(2, "b"), add(3, "a")]), refusal("constraint"));
      assert.equal(await count(database), 1);
      const swap = (expectedChanges: number) =>
        database.batch([
          add(4, "d"),
          { sql: "UPDATE item SET size = 7 WHERE name = $1", values: ["a"], expectedChanges },
        ]);
      assert.equal(await swap(2), undefined);
      assert.equal(await count(database), 1);
      assert.deepEqual(await swap(1), [1, 1]);
      assert.equal(await count(database), 2);
    }),
  );

  test(
    "what fails takes back only itself",
    withDatabase(async (database) => {
      await database.batch([add(50, "taken")]);
      const outcomes = await Promise.allSettled(
        Array.from({ length: 40 }, (_, at) => database.batch([add(at, at % 4 === 0 ? "taken" : `n${at}`)])),
      );
      assert.equal(outcomes.filter(({ status }) => status === "rejected").length, 10);
      assert.equal(await count(database), 31);
    }),
  );

  test(
    "a transaction decides between its statements and is undone when it throws",
    withDatabase(async (database) => {
      await database.batch([add(1, "a")]);
      const made = await database.transaction(async (transaction) => {
        const [row] = await transaction.query("SELECT max(id) AS last FROM item");
        const id = Number(row?.["last"]) + 1;
        await transaction.query("INSERT INTO item (id) VALUES ($1)", [id]);
        return id;
      });
      assert.equal(made, 2);
      const failing = database.transaction(async (transaction) => {
        await transaction.query("DELETE FROM item");
        throw new TypeError("changed my mind");
      });
      await assert.rejects(failing, TypeError);
      assert.equal(await count(database), 2);
      await assert.rejects(
        database.transaction((transaction) => transaction.query("INSERT INTO item (id) VALUES (1)")),
        refusal("constraint"),
      );
    }),
  );

  test(
    "transactions of two doors do not lose each other's changes",
    withDatabase(async (first, place) => {
      await first.batch([{ sql: "INSERT INTO item (id, size) VALUES (1, 0)", values: [] }]);
      const second = await place.open();
      const increase = (database: SqlDatabase) =>
        database.transaction(async (transaction) => {
          const [row] = await transaction.query("SELECT size FROM item WHERE id = 1");
          await transaction.query("UPDATE item SET size = $1 WHERE id = 1", [Number(row?.["size"]) + 1]);
        });
      await Promise.all(Array.from({ length: 16 }, (_, at) => increase(at % 2 === 0 ? first : second)));
      assert.deepEqual(await second.query("SELECT size FROM item"), [{ size: 16 }]);
      await second.close();
    }),
  );

  test(
    "one of many wins a compare-and-swap",
    withDatabase(async (first, place) => {
      await first.batch([{ sql: "INSERT INTO item (id, size) VALUES (1, 0)", values: [] }]);
      const second = await place.open();
      const outcomes = await Promise.all(
        Array.from({ length: 12 }, (_, at) =>
          (at % 2 === 0 ? first : second).batch([
            {
              sql: "UPDATE item SET size = $1 WHERE id = 1 AND size = 0",
              values: [at + 1],
              expectedChanges: 1,
            },
          ]),
        ),
      );
      assert.equal(outcomes.filter((counts) => counts !== undefined).length, 1);
      await second.close();
    }),
  );

  test(
    "refusals name what is wrong and the database goes on",
    withDatabase(async (database) => {
      await assert.rejects(database.query("SELECT * FROM nowhere"), refusal("refused"));
      await assert.rejects(database.query("SELEC"), refusal("refused"));
      await assert.rejects(database.query("INSERT INTO item (id) VALUES (NULL)"), refusal("constraint"));
      assert.equal(await count(database), 0);
    }),
  );

  test(
    "many changes at once are all there, in another door too",
    withDatabase(async (database, place) => {
      await Promise.all(Array.from({ length: 600 }, (_, at) => database.batch([add(at, `name ${at}`)])));
      const other = await place.open();
      assert.equal(await count(other), 600);
      await other.close();
    }),
  );

  test(
    "a closed database says so",
    withDatabase(async (_, place) => {
      const other = await place.open();
      await other.close();
      await assert.rejects(other.query("SELECT 1"), refusal("unavailable"));
      await other.close().catch(() => {});
    }),
  );

  test(
    "schemas are made and changed once, whoever starts at the same time",
    withDatabase(async (_, place) => {
      const doors = await Promise.all(Array.from({ length: 3 }, () => place.open()));
      const first = [
        (dialect: SqlDatabase["dialect"]) => [`CREATE TABLE thing (id ${identityKey(dialect)}, name text)`],
      ];
      await Promise.all(doors.map((door) => updateSchema(door, "things", first)));
      const [door, other] = doors;
      assert.ok(door !== undefined && other !== undefined);
      assert.deepEqual(await door.query("INSERT INTO thing (name) VALUES ($1) RETURNING id", ["a"]), [
        { id: 1 },
      ]);
      assert.equal(
        await updateSchema(other, "things", [...first, ["ALTER TABLE thing ADD COLUMN size bigint"]]),
        1,
      );
      assert.equal(await schemaVersion(door, "things"), 2);
      assert.deepEqual(await door.query("SELECT name, size FROM thing"), [{ name: "a", size: null }]);
      await assert.rejects(updateSchema(door, "things", first), refusal("refused"));
      await Promise.all(doors.map((one) => one.close()));
    }),
  );
}
