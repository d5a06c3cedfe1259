// Two gateways over one PostgreSQL: a phone whose Ping is held at one of them comes to the other.
import assert from "node:assert/strict";
import { after, before, describe, test, type TestContext } from "node:test";
import { systemClock } from "../../../src/base/io/clock.ts";
import { systemRandom } from "../../../src/base/io/random.ts";
import { PostgresNotices } from "../../../src/base/io/sql/postgres-notices.ts";
import { PostgresDatabase } from "../../../src/base/io/sql/postgres.ts";
import { updateSchema } from "../../../src/base/io/sql/schema.ts";
import { silentLog } from "../../../src/base/log.ts";
import type { Command } from "../../../src/eas/command.ts";
import { NoticedRequests } from "../../../src/eas/state/request-news.ts";
import { SCHEMA_NAME, schemaVersions } from "../../../src/eas/state/schema.ts";
import { SqlStates } from "../../../src/eas/state/sql-states.ts";
import { type EasHost, startEasHost } from "../../support/eas-host.ts";
import { Postgres, postgresMissing } from "../../support/postgres.ts";

const EXPIRY_MS = 86_400_000;

interface Gateway {
  readonly host: EasHost;
  /** Resolves when a Ping is held. */
  held(): Promise<void>;
  /** Resolves when the session to the others is back. */
  back(): Promise<void>;
}

describe("gateways over one PostgreSQL", { skip: postgresMissing() ?? false, timeout: 60_000 }, () => {
  let server: Postgres;
  before(async () => {
    server = await Postgres.start();
  });
  after(() => server.stop());

  const open = async (t: TestContext, url: string, name: string): Promise<Gateway> => {
    const database = await PostgresDatabase.open({
      url,
      maxConnections: 2,
      clock: systemClock,
      random: systemRandom,
    });
    await updateSchema(database, SCHEMA_NAME, schemaVersions);
    const states = new SqlStates({ database, clock: systemClock, log: silentLog, expiryMs: EXPIRY_MS });
    let isBack = Promise.withResolvers<void>();
    const notices = new PostgresNotices(
      { url, channel: "rookery_test", clock: systemClock },
      {
        heard: (text) => news.heard(text),
        missed() {
          news.missed();
          isBack.resolve();
        },
      },
    );
    const news = new NoticedRequests(name, notices);
    await notices.start();
    let holding = Promise.withResolvers<void>();
    const ping: Command = {
      name: "Ping",
      async run({ hold, signal }) {
        await hold(
          () =>
            new Promise<void>((resolve) => {
              signal.addEventListener("abort", () => resolve(), { once: true });
              if (signal.aborted) resolve();
              holding.resolve();
            }),
        );
        return { kind: "http", status: 200, text: String(signal.reason) };
      },
    };
    const host = await startEasHost({ states, news, commands: [ping], policy: { required: false } });
    t.after(async () => {
      await host.close();
      await notices.close();
      await states.close();
    });
    return {
      host,
      held: () => {
        holding = Promise.withResolvers<void>();
        return holding.promise;
      },
      back: () => {
        isBack = Promise.withResolvers<void>();
        return isBack.promise;
      },
    };
  };
  const post = async ({ host }: Gateway): Promise<string> =>
    (await host.client().post("Ping", undefined)).body.toString();

  test("a newer Ping at one ends the one that the other holds, also after the session broke", async (t) => {
    const url = await server.createDatabase();
    const [one, two] = [await open(t, url, "one"), await open(t, url, "two")];
    let held = one.held();
    const first = post(one);
    await held;
    held = two.held();
    const second = post(two);
    assert.match(await first, /newer request/);
    await held;
    const back = Promise.all([one.back(), two.back()]);
    await server.disconnectAll(url);
    await back;
    held = one.held();
    const third = post(one);
    assert.match(await second, /newer request/);
    await held;
    one.host.gateway.shutDown();
    assert.match(await third, /stops/);
  });
});
