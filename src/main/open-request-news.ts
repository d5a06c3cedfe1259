/** What gateways over one PostgreSQL tell each other. Over SQLite there is one gateway, which needs no telling. */
import { systemClock } from "../base/io/clock.ts";
import { systemRandom } from "../base/io/random.ts";
import { PostgresNotices } from "../base/io/sql/postgres-notices.ts";
import type { Log } from "../base/log.ts";
import type { EasSettings } from "../eas/options.ts";
import { NoticedRequests, type RequestNews } from "../eas/state/request-news.ts";

const CHANNEL = "rookery_eas_requests";
const NAME_BYTES = 9;

export interface OpenRequestNews {
  readonly requests: RequestNews;
  close(): Promise<void>;
}

/** Connects by itself; until then, and when the connection is lost, requests at other gateways end in their time. */
export function openRequestNews({ database }: EasSettings, log: Log): OpenRequestNews | undefined {
  if (database === undefined) return undefined;
  const gateway = systemRandom.bytes(NAME_BYTES).toString("base64url");
  const notices = new PostgresNotices(
    {
      url: database.reveal(),
      channel: CHANNEL,
      clock: systemClock,
      onLost: (error) => log.warn("other gateways are not heard", { err: error }),
    },
    { heard: (text) => requests.heard(text), missed: () => requests.missed() },
  );
  const requests = new NoticedRequests(gateway, notices);
  void notices.start();
  return { requests, close: () => notices.close() };
}
