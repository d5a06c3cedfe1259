/**
 * The GS2 header that SCRAM and OAUTHBEARER messages begin with (RFC 5801 §4, RFC 5802 §7).
 *
 *     gs2-header     = gs2-cbind-flag "," [ "a=" saslname ] ","
 *     gs2-cbind-flag = ("p=" cb-name) / "n" / "y"
 *     saslname       = 1*(value-safe-char / "=2C" / "=3D")
 *
 * An empty saslname in "a=" is taken as none: GNU SASL 2.2.0 sends `n,a=,`, observed 2026.
 */
import { SaslError } from "./sasl-error.ts";

export interface Gs2Header {
  /** `n`: the client cannot bind; `y`: it can, but thinks the server cannot; else the type it binds with. */
  readonly binding: "n" | "y" | { readonly type: string };
  /** "" = none. */
  readonly authzid: string;
}

const HEADER = /^(?:([ny])|p=([A-Za-z0-9.-]+)),(?:a=([^,\0]*))?,/;

/** `length` is in characters of `text`. @throws SaslError malformed */
export function parseGs2Header(text: string): { readonly header: Gs2Header; readonly length: number } {
  const match = HEADER.exec(text);
  if (match === null) throw new SaslError("malformed", "bad GS2 header");
  const [whole, flag, type, name] = match;
  return {
    header: {
      binding: type === undefined ? (flag === "y" ? "y" : "n") : { type },
      authzid: name === undefined ? "" : unescapeSaslName(name),
    },
    length: whole.length,
  };
}

export function printGs2Header(header: Gs2Header): string {
  const flag = typeof header.binding === "string" ? header.binding : `p=${header.binding.type}`;
  return `${flag},${header.authzid === "" ? "" : `a=${escapeSaslName(header.authzid)}`},`;
}

export function escapeSaslName(name: string): string {
  return name.replace(/[=,]/g, (character) => (character === "," ? "=2C" : "=3D"));
}

/** @throws SaslError malformed: "=" that is neither "=2C" nor "=3D" (RFC 5802 §5.1, attribute n) */
export function unescapeSaslName(text: string): string {
  return text.replace(/=(2C|3D|)/g, (_, code: string) => {
    if (code === "2C") return ",";
    if (code === "3D") return "=";
    throw new SaslError("malformed", "bad escape in a SASL name");
  });
}
