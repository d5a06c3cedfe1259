/**
 * Bearer tokens (RFC 6750) that are JWTs (RFC 7519, RFC 9068) of one configured issuer: signature, issuer, audience,
 * lifetime and scope are checked here; opaque tokens (RFC 7662 introspection) are not supported.
 */
import { createLocalJWKSet, createRemoteJWKSet, errors, jwtVerify, type JWTPayload } from "jose";
import type { Clock } from "../base/io/clock.ts";
import type { BearerRefusal } from "../wire/sasl/oauth.ts";
import type { OauthSettings } from "./oauth-options.ts";
import { AuthError } from "./port.ts";

/** A token may not be made valid for long by a generous setting. */
const MAX_CLOCK_SKEW_MS = 600_000;
const KEYS_TIMEOUT_MS = 5_000;
/** An unknown key makes us ask the issuer again, but not more often than this. */
const KEYS_COOLDOWN_MS = 30_000;
const KEYS_MAX_AGE_MS = 600_000;

type Keys = Parameters<typeof jwtVerify>[1] extends infer Input
  ? Extract<Input, (...args: never[]) => unknown>
  : never;

export class BearerTokens {
  readonly #settings: OauthSettings;
  readonly #clock: Clock;
  readonly #keys: Keys;

  private constructor(settings: OauthSettings, clock: Clock, keys: Keys) {
    this.#settings = settings;
    this.#clock = clock;
    this.#keys = keys;
  }

  /** Undefined without an issuer. @throws TypeError naming the setting that is missing or bad */
  static open(settings: OauthSettings | undefined, clock: Clock): BearerTokens | undefined {
    if (settings === undefined || settings.issuer === "") return undefined;
    if (settings.audience.length === 0) throw new TypeError("oauth.audience is needed with oauth.issuer");
    return new BearerTokens(settings, clock, openKeys(settings));
  }

  /** The user that the token speaks for. @throws AuthError credentials_invalid, unavailable */
  async userOf(token: string): Promise<string> {
    const { issuer, audience, algorithms, clockSkewMs, userClaim } = this.#settings;
    let payload: JWTPayload;
    try {
      const verified = await jwtVerify(token, this.#keys, {
        issuer,
        audience: [...audience],
        algorithms: [...algorithms],
        clockTolerance: Math.min(clockSkewMs, MAX_CLOCK_SKEW_MS) / 1000,
        currentDate: new Date(this.#clock.nowMs()),
        requiredClaims: ["exp", userClaim],
      });
      payload = verified.payload;
    } catch (error) {
      throw asAuthError(error);
    }
    const user = payload[userClaim];
    if (typeof user !== "string" || user === "") {
      throw new AuthError("credentials_invalid", `the token's claim "${userClaim}" names no user`);
    }
    this.#checkScope(payload);
    return user;
  }

  /** What a client is told with a refusal (RFC 7628 §3.2.2). */
  get refusal(): BearerRefusal {
    const { scope, openidConfiguration } = this.#settings;
    return {
      status: "invalid_token",
      ...(scope === "" ? {} : { scope }),
      ...(openidConfiguration === "" ? {} : { openidConfiguration }),
    };
  }

  /** `scope` is one text with blanks (RFC 9068 §2.2.3); some issuers send `scp`, also as a list. */
  #checkScope(payload: JWTPayload): void {
    if (this.#settings.scope === "") return;
    const claim = payload["scope"] ?? payload["scp"];
    const scopes = Array.isArray(claim) ? claim : typeof claim === "string" ? claim.split(" ") : [];
    if (!scopes.includes(this.#settings.scope)) {
      throw new AuthError("credentials_invalid", `the token lacks the scope "${this.#settings.scope}"`);
    }
  }
}

function openKeys(settings: OauthSettings): Keys {
  if (settings.jwksFile !== undefined) {
    try {
      return createLocalJWKSet(JSON.parse(settings.jwksFile.reveal()));
    } catch (error) {
      throw new TypeError("oauth.jwks_file holds no JWK set", { cause: error });
    }
  }
  const url = URL.canParse(settings.jwksUrl) ? new URL(settings.jwksUrl) : undefined;
  const isLoopback =
    url?.hostname === "localhost" || url?.hostname === "127.0.0.1" || url?.hostname === "[::1]";
  if (url === undefined || (url.protocol !== "https:" && !isLoopback)) {
    throw new TypeError("oauth.jwks_url must be an HTTPS address, or oauth.jwks_file be set");
  }
  return createRemoteJWKSet(url, {
    timeoutDuration: KEYS_TIMEOUT_MS,
    cooldownDuration: KEYS_COOLDOWN_MS,
    cacheMaxAge: KEYS_MAX_AGE_MS,
  });
}

/** A token that fails is the client's fault; keys that cannot be had are not. */
function asAuthError(error: unknown): AuthError {
  const isOfTheToken =
    error instanceof errors.JOSEError &&
    !(error instanceof errors.JWKSTimeout) &&
    !(error instanceof errors.JWKSInvalid) &&
    // What jose throws when the issuer answers with an error or with something else than JSON.
    error.code !== "ERR_JOSE_GENERIC";
  return isOfTheToken
    ? new AuthError("credentials_invalid", "the token is not valid", { cause: error })
    : new AuthError("unavailable", "could not get the issuer's keys", { cause: error });
}
