/**
 * Access tokens for XOAUTH2 and OAUTHBEARER from refresh tokens (RFC 6749 §6). A long copy outlives its token: each new
 * connection asks again, and a token is used only while it is good for some time yet.
 *
 * The source's settings say where: oauth_token_url, oauth_client_id, oauth_client_secret, oauth_scope. Without a URL what
 * is stored for the user is the access token itself.
 */
import { createHash } from "node:crypto";
import type { Clock } from "../../base/io/clock.ts";
import { Lru } from "../../base/lru.ts";
import { Secret } from "../../base/secret.ts";
import { ImapLoginError } from "../../imap/client-connect.ts";
import type { TokenSource } from "./account.ts";

/** A token that ends sooner is not begun with. */
const LEAST_LIFE_MS = 120_000;
const DEFAULT_LIFE_SECONDS = 300;
const MAX_TOKENS = 10_000;
const MAX_ANSWER_BYTES = 64 * 1024;
const TIMEOUT_MS = 30_000;

export function oauthTokens(post: typeof fetch, clock: Clock): TokenSource {
  const tokens = new Lru<string, { readonly token: Secret; readonly untilMs: number }>({
    maxEntries: MAX_TOKENS,
  });
  return async (user, refreshToken, settings, refused) => {
    const url = settings.get("oauth_token_url");
    if (url === undefined) return refreshToken;
    const key = createHash("sha256").update(`${url}\0${refreshToken.reveal()}`).digest("hex");
    const known = tokens.get(key);
    const isGood = known !== undefined && known.untilMs - clock.monotonicMs() > LEAST_LIFE_MS;
    if (isGood && known.token.reveal() !== refused?.reveal()) return known.token;
    const form = new URLSearchParams({ grant_type: "refresh_token", refresh_token: refreshToken.reveal() });
    for (const name of ["client_id", "client_secret", "scope"]) {
      const value = settings.get(`oauth_${name}`);
      if (value !== undefined) form.set(name, value);
    }
    const answer = await ask(post, url, form, user);
    const lifeSeconds =
      typeof answer["expires_in"] === "number" ? answer["expires_in"] : DEFAULT_LIFE_SECONDS;
    const token = new Secret(String(answer["access_token"]));
    tokens.set(key, { token, untilMs: clock.monotonicMs() + lifeSeconds * 1000 });
    return token;
  };
}

/** @throws ImapLoginError: what the server says, never what it was sent */
async function ask(
  post: typeof fetch,
  url: string,
  form: URLSearchParams,
  user: string,
): Promise<Record<string, unknown>> {
  let text: string;
  let status: number;
  try {
    const response = await post(url, { method: "POST", body: form, signal: AbortSignal.timeout(TIMEOUT_MS) });
    status = response.status;
    text = (await response.text()).slice(0, MAX_ANSWER_BYTES);
  } catch (error) {
    throw new ImapLoginError(`${user}: no token could be fetched`, true, { cause: error });
  }
  const answer = parse(text);
  if (status === 200 && typeof answer["access_token"] === "string") return answer;
  const reason = typeof answer["error"] === "string" ? answer["error"] : `status ${status}`;
  throw new ImapLoginError(`${user}: the token was refused: ${reason}`, status >= 500 || status === 429);
}

function parse(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
