/** Identifiers of access control lists as clients write them: RFC 4314 §3. */
import { canonicalIdentifier } from "../../store/acl.ts";
import { canonicalUserId } from "../../store/namespace.ts";
import type { Reader } from "../codec/reader.ts";
import { bad } from "../refusal.ts";
import type { Session } from "../session.ts";

/** `Fred@Example.test` in the default domain is `fred`; `-fred` are fred's negative rights. @throws ImapRefusal BAD */
export function readIdentifier(reader: Reader, session: Session): string {
  const identifier = canonicalIdentifier(reader.astring());
  if (identifier === undefined) throw bad("Not an identifier");
  const sign = identifier.startsWith("-") ? "-" : "";
  const bare = identifier.slice(sign.length);
  if (bare.startsWith("group:")) return identifier;
  return sign + canonicalUserId(bare, session.services.directory.defaultDomain);
}
