/**
 * Mailbox names as a client sees them (RFC 9051 §5.1, RFC 2342) ↔ internal names (`names.ts`), for one viewer.
 *
 * Options and rules are Cyrus's: unixhierarchysep (`separator`), altnamespace, virtdomains with crossdomains, admins
 * always in the standard namespace with `@domain` at the end of the name. A name that this viewer cannot express
 * (another domain, the deleted hierarchy) has no external form.
 */
import { StoreError } from "./errors.ts";
import type { MailboxName, UserId } from "./model.ts";
import { decodeMutf7, encodeMutf7 } from "./mutf7.ts";
import { checkName, inboxOf, segmentToText, textToSegment, userOf } from "./names.ts";

export interface NamespaceOptions {
  /** True: mailboxes beside INBOX, "Other Users/bob", "Shared Folders/news". False: INBOX.x, user.bob, news. */
  readonly altNamespace: boolean;
  /** "/" lets names contain dots (kept as '^' inside). */
  readonly separator: "/" | ".";
  /** Its users and shared folders have no domain in internal names; "" = none. */
  readonly defaultDomain: string;
  /** Other domains' mailboxes are visible, as `bob@example.org` where the domain is not the viewer's own. */
  readonly crossDomains: boolean;
  readonly userPrefix: string;
  readonly sharedPrefix: string;
  /** Where own mailboxes go whose name would clash with INBOX or a prefix in the alternative namespace. */
  readonly altPrefix: string;
}

/** Cyrus 3.6's defaults. */
export const DEFAULT_NAMESPACE: NamespaceOptions = {
  altNamespace: true,
  separator: "/",
  defaultDomain: "",
  crossDomains: false,
  userPrefix: "Other Users",
  sharedPrefix: "Shared Folders",
  altPrefix: "Alt Folders",
};

export interface Viewer {
  readonly userId: UserId;
  readonly isAdmin: boolean;
}

/** How names are written on this connection: UTF-8 after ENABLE IMAP4rev2 or UTF8=ACCEPT, else modified UTF-7. */
export type NameEncoding = "mutf7" | "utf8";

/** A name of this namespace has at most this many characters, before it is even looked at. */
export const MAX_EXTERNAL_NAME_LENGTH = 1000;

/** Login name → canonical user id: lower case, without the default domain. */
export function canonicalUserId(login: string, defaultDomain: string): UserId {
  const lower = login.toLowerCase();
  const suffix = `@${defaultDomain.toLowerCase()}`;
  return defaultDomain !== "" && lower.endsWith(suffix) ? lower.slice(0, -suffix.length) : lower;
}

export class Namespace {
  readonly separator: "/" | ".";
  readonly #viewer: Viewer;
  readonly #alternative: boolean;
  readonly #domain: string;
  readonly #inbox: MailboxName;
  readonly #options: NamespaceOptions;

  constructor(viewer: Viewer, options: NamespaceOptions = DEFAULT_NAMESPACE) {
    this.#viewer = viewer;
    this.#options = {
      ...options,
      userPrefix: encodeMutf7(options.userPrefix),
      sharedPrefix: encodeMutf7(options.sharedPrefix),
      altPrefix: encodeMutf7(options.altPrefix),
    };
    this.separator = options.separator;
    this.#alternative = options.altNamespace && !viewer.isAdmin;
    const at = viewer.userId.lastIndexOf("@");
    this.#domain = at < 0 ? "" : viewer.userId.slice(at + 1);
    this.#inbox = inboxOf(viewer.userId);
  }

  /** The three prefixes of NAMESPACE (RFC 2342 §5), ready for the wire in modified UTF-7 (they are ASCII unless renamed). */
  prefixes(): { personal: string; otherUsers: string; shared: string } {
    const separator = this.separator;
    return this.#alternative
      ? {
          personal: "",
          otherUsers: this.#options.userPrefix + separator,
          shared: this.#options.sharedPrefix + separator,
        }
      : { personal: `INBOX${separator}`, otherUsers: `user${separator}`, shared: "" };
  }

  /**
   * @throws StoreError mailbox_name_invalid. A trailing separator is invalid here: CREATE strips it first (RFC 9051 §6.3.4).
   */
  toInternal(external: string, encoding: NameEncoding): MailboxName {
    if (external.length > MAX_EXTERNAL_NAME_LENGTH) throw invalid(external, "too long");
    // RFC 6855 §3 and RFC 9051 §5.1: names are compared in normal form C.
    const ascii = encoding === "utf8" ? encodeMutf7(external.normalize("NFC")) : external;
    const name = this.#alternative ? this.#fromAlternative(ascii) : this.#fromStandard(ascii);
    checkName(name);
    return name;
  }

  /** Undefined when this viewer has no name for it. */
  toExternal(name: MailboxName, encoding: NameEncoding): string | undefined {
    const external = this.#alternative ? this.#toAlternative(name) : this.#toStandard(name);
    if (external === undefined || encoding === "mutf7") return external;
    // Names that a replica brought in may be bad; they are shown as they stand.
    return decodeMutf7(external) ?? external;
  }

  #segments(text: string, whole: string): string[] {
    const segments = text.split(this.separator);
    if (this.separator === "/") {
      // '^' is the internal form of a dot and must not have two spellings.
      if (text.includes("^")) throw invalid(whole, "'^' is not allowed");
      return segments.map(textToSegment);
    }
    if (text.includes("/")) throw invalid(whole, "'/' is not allowed");
    return segments;
  }

  #fromAlternative(external: string): MailboxName {
    const [top = "", ...rest] = this.#segments(external, external);
    if (top === textToSegment(this.#options.altPrefix)) {
      if (rest.length === 0) throw invalid(external, "no folder named");
      return this.#own(rest);
    }
    if (top === textToSegment(this.#options.userPrefix)) return this.#otherUser(rest, external);
    if (top === textToSegment(this.#options.sharedPrefix)) return this.#shared(rest, external);
    if (top.toUpperCase() !== "INBOX") return this.#own([top, ...rest]);
    return rest.length === 0 ? this.#inbox : this.#own(["INBOX", ...rest]);
  }

  #fromStandard(external: string): MailboxName {
    let path = external;
    let domain = this.#domain;
    if (this.#viewer.isAdmin) {
      const at = external.lastIndexOf("@");
      if (at >= 0) {
        path = external.slice(0, at);
        domain = external.slice(at + 1).toLowerCase();
        if (domain === this.#options.defaultDomain) domain = "";
      }
    }
    const [top = "", ...rest] = this.#segments(path, external);
    if (top.toUpperCase() === "INBOX") return this.#own(rest);
    if (this.#viewer.isAdmin) return withDomain(domain, [top, ...rest]);
    if (top === "user") return this.#otherUser(rest, external);
    return this.#shared([top, ...rest], external);
  }

  #own(rest: readonly string[]): MailboxName {
    return rest.length === 0 ? this.#inbox : `${this.#inbox}.${rest.join(".")}`;
  }

  #otherUser(segments: readonly string[], external: string): MailboxName {
    const [user, ...rest] = segments;
    if (user === undefined || user === "") throw invalid(external, "no user named");
    const { local, domain } = this.#splitDomain(user);
    return withDomain(domain, ["user", local, ...rest]);
  }

  #shared(segments: readonly string[], external: string): MailboxName {
    const [first, ...rest] = segments;
    if (first === undefined || first === "") throw invalid(external, "no folder named");
    const { local, domain } = this.#splitDomain(first);
    // Else "Shared Folders/user/bob" would be a second name of bob's INBOX.
    if (local === "user" || local === "DELETED") throw invalid(external, "reserved name");
    return withDomain(domain, [local, ...rest]);
  }

  /** With crossDomains the domain stands at the user or the top shared folder; without, everything is the viewer's. */
  #splitDomain(segment: string): { local: string; domain: string } {
    const at = segment.lastIndexOf("@");
    if (!this.#options.crossDomains || at < 0) return { local: segment, domain: this.#domain };
    const domain = segmentToText(segment.slice(at + 1)).toLowerCase();
    return { local: segment.slice(0, at), domain: domain === this.#options.defaultDomain ? "" : domain };
  }

  /** The domain to add when it is not the viewer's own; undefined = not visible to him. */
  #domainSuffix(domain: string): string | undefined {
    if (domain === this.#domain) return "";
    if (!this.#options.crossDomains) return undefined;
    const shown = domain === "" ? this.#options.defaultDomain : domain;
    return shown === "" ? undefined : `@${this.#show(textToSegment(shown))}`;
  }

  #show(segment: string): string {
    return this.separator === "/" ? segmentToText(segment) : segment;
  }

  #join(segments: readonly string[]): string {
    return segments.map((segment) => this.#show(segment)).join(this.separator);
  }

  #toAlternative(name: MailboxName): string | undefined {
    const { domain, segments } = splitName(name);
    const [top = "", user = "", ...rest] = segments;
    if (top === "DELETED") return undefined;
    if (top !== "user" || segments.length === 1) {
      return this.#qualified(domain, segments, [this.#options.sharedPrefix]);
    }
    if (userOf(name) !== this.#viewer.userId) {
      return this.#qualified(domain, [user, ...rest], [this.#options.userPrefix]);
    }
    const [folder] = rest;
    if (folder === undefined) return "INBOX";
    const text = this.#join(rest);
    const clashes =
      folder.toUpperCase() === "INBOX"
        ? rest.length === 1 || folder !== "INBOX"
        : [this.#options.userPrefix, this.#options.sharedPrefix, this.#options.altPrefix].includes(
            segmentToText(folder),
          );
    return clashes ? this.#options.altPrefix + this.separator + text : text;
  }

  #toStandard(name: MailboxName): string | undefined {
    const { domain, segments } = splitName(name);
    const [top = "", user = "", ...rest] = segments;
    if (top === "user" && segments.length > 1 && userOf(name) === this.#viewer.userId) {
      return this.#join(["INBOX", ...rest]);
    }
    if (this.#viewer.isAdmin) {
      const shown = this.#join(segments);
      return domain === this.#domain && !shown.includes("@")
        ? shown
        : `${shown}@${domain === "" ? this.#options.defaultDomain : domain}`;
    }
    if (top === "DELETED") return undefined;
    // A shared folder of this name would be read as the viewer's INBOX.
    if (top.toUpperCase() === "INBOX") return undefined;
    return top === "user" && segments.length > 1
      ? this.#qualified(domain, [user, ...rest], ["user"])
      : this.#qualified(domain, segments, []);
  }

  /** Prefix, first segment with its domain where needed, the rest. */
  #qualified(domain: string, segments: readonly string[], prefix: readonly string[]): string | undefined {
    const suffix = this.#domainSuffix(domain);
    const [first = "", ...rest] = segments;
    if (suffix === undefined) return undefined;
    const path = this.#show(first) + suffix + (rest.length === 0 ? "" : this.separator + this.#join(rest));
    return prefix.length === 0 ? path : prefix.join(this.separator) + this.separator + path;
  }
}

function splitName(name: MailboxName): { domain: string; segments: string[] } {
  const domainEnd = name.indexOf("!");
  return {
    domain: domainEnd < 0 ? "" : name.slice(0, domainEnd),
    segments: name.slice(domainEnd + 1).split("."),
  };
}

function withDomain(domain: string, segments: readonly string[]): MailboxName {
  const path = segments.join(".");
  return domain === "" ? path : `${domain}!${path}`;
}

function invalid(external: string, reason: string): StoreError {
  return new StoreError("mailbox_name_invalid", `mailbox name ${JSON.stringify(external)}: ${reason}`);
}
