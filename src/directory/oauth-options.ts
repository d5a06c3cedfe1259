import { choice, duration, listOf, secretFile, text } from "../config/kinds.ts";
import { option, optionGroup, type SettingsOf } from "../config/option.ts";

/** Signatures with a public key only: a shared secret would let every relying party mint tokens. */
export const TOKEN_ALGORITHMS = [
  "RS256",
  "RS384",
  "RS512",
  "PS256",
  "PS384",
  "PS512",
  "ES256",
  "ES384",
  "ES512",
  "EdDSA",
] as const;

export const oauthOptions = optionGroup("oauth", "Logins with bearer tokens (OAUTHBEARER, XOAUTH2).", {
  issuer: option(
    text,
    "",
    "The issuer that signs the tokens, as in their iss claim; empty = no such logins.",
  ),
  audience: option(listOf(text), [], "Accepted aud claims; at least one is needed."),
  jwks_url: option(text, "", "Where the issuer publishes its keys (HTTPS)."),
  jwks_file: option(
    secretFile,
    undefined,
    "A file with the issuer's keys (JWK set), instead of the address.",
  ),
  algorithms: option(listOf(choice(...TOKEN_ALGORITHMS)), ["RS256", "ES256"], "Accepted signatures."),
  user_claim: option(text, "email", "The claim that names the user: a user id or an address."),
  scope: option(text, "", "A scope that tokens must have; empty = none."),
  clock_skew: option(duration, "60s", "How far the issuer's clock may be off (at most 10m)."),
  openid_configuration: option(text, "", "Address of the discovery document, told to clients on refusal."),
});
export type OauthSettings = SettingsOf<typeof oauthOptions>;
