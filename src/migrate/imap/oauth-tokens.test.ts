import assert from "node:assert/strict";
import { test } from "node:test";
import { SimClock } from "../../../test/sim/sim-clock.ts";
import { Secret } from "../../base/secret.ts";
import { ImapLoginError } from "../../imap/client-connect.ts";
import { oauthTokens } from "./oauth-tokens.ts";

const SETTINGS = new Map([
  ["oauth_token_url", "https://login.example/token"],
  ["oauth_client_id", "me"],
]);

test("tokens: fetched once, again before they end, refusals tell no secret", async () => {
  const clock = new SimClock();
  const asked: string[] = [];
  let answer: () => Response = () => Response.json({ access_token: `t${asked.length}`, expires_in: 3600 });
  const tokens = oauthTokens((_url, options) => {
    asked.push(options?.body instanceof URLSearchParams ? options.body.toString() : "");
    return Promise.resolve(answer());
  }, clock);
  const refresh = new Secret("r-1");
  assert.equal((await tokens("alice", refresh, SETTINGS)).reveal(), "t1");
  assert.equal((await tokens("alice", refresh, SETTINGS)).reveal(), "t1");
  assert.equal(asked[0], "grant_type=refresh_token&refresh_token=r-1&client_id=me");
  clock.advance(3_500_000);
  assert.equal((await tokens("alice", refresh, SETTINGS)).reveal(), "t2");
  assert.equal((await tokens("alice", refresh, new Map())).reveal(), "r-1");
  for (const [status, temporary] of [
    [400, false],
    [503, true],
  ] as const) {
    answer = () => Response.json({ error: "invalid_grant" }, { status });
    await assert.rejects(tokens("bob", new Secret(`r-${status}`), SETTINGS), (error) => {
      assert.ok(error instanceof ImapLoginError);
      assert.equal(error.temporary, temporary);
      assert.ok(!error.message.includes("r-"));
      return true;
    });
  }
});
