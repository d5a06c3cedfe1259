/** Expands an envelope recipient through aliases and groups to users (or one shared folder). */
import { parseAddress, printAddress, splitDetail, userIdOf } from "./address.ts";
import { AuthError, type Recipient } from "./port.ts";

export interface RecipientSource {
  readonly defaultDomain: string;
  isLocalDomain(domain: string): boolean;
  hasUser(userId: string): Promise<boolean>;
  /** Targets of the alias, or members of the group, at exactly this canonical address (`@domain` = catch-all). */
  targetsOf(address: string): Promise<readonly string[] | undefined>;
}

export interface RecipientSettings {
  readonly plusSeparator: string;
  readonly postuser: string;
}

/** Aliases of aliases deeper than this, and recipients with more users, are taken for a mistake. */
export const MAX_ALIAS_DEPTH = 10;
export const MAX_RECIPIENT_TARGETS = 10_000;

interface Target {
  readonly userId: string;
  readonly detail: string | undefined;
}

/**
 * @throws AuthError unavailable: also when aliases nest too deep or mix users with a shared folder, since the mail can
 * be delivered once that is mended
 */
export async function resolveRecipient(
  address: string,
  source: RecipientSource,
  settings: RecipientSettings,
): Promise<Recipient> {
  const parsed = parseAddress(address, source.defaultDomain);
  // An address literal such as alice@[192.0.2.1] is no domain of ours either.
  if (parsed === undefined) return address.includes("@") ? { kind: "remote" } : { kind: "unknown" };
  if (!source.isLocalDomain(parsed.domain)) return { kind: "remote" };

  const users = new Map<string, Target>();
  const mailboxes = new Set<string>();
  const seen = new Set<string>();
  let level: { address: string; detail: string | undefined }[] = [{ address, detail: undefined }];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > MAX_ALIAS_DEPTH || level.length + users.size > MAX_RECIPIENT_TARGETS) {
      throw new AuthError("unavailable", `aliases of "${address}" nest too deep or have too many targets`);
    }
    const next: typeof level = [];
    for (const step of level) {
      const key = `${step.address.toLowerCase()}\0${step.detail ?? ""}`;
      if (seen.has(key)) continue;
      seen.add(key);
      const found = await lookUp(step.address, source, settings);
      if (found === undefined) continue;
      const detail = found.detail ?? step.detail;
      if (found.kind === "user")
        users.set(`${found.userId}\0${detail ?? ""}`, { userId: found.userId, detail });
      else if (found.kind === "mailbox") mailboxes.add(found.mailbox);
      else next.push(...found.targets.map((target) => ({ address: target, detail })));
    }
    level = next;
  }
  if (mailboxes.size > 1 || (mailboxes.size === 1 && users.size > 0)) {
    throw new AuthError("unavailable", `"${address}" mixes a shared folder with other targets`);
  }
  if (users.size > 0) return { kind: "users", targets: [...users.values()] };
  const [mailbox] = mailboxes;
  return mailbox === undefined ? { kind: "unknown" } : { kind: "mailbox", mailbox };
}

type Found =
  | { readonly kind: "user"; readonly userId: string; readonly detail: string | undefined }
  | { readonly kind: "mailbox"; readonly mailbox: string; readonly detail?: undefined }
  | { readonly kind: "alias"; readonly targets: readonly string[]; readonly detail: string | undefined };

/** First what is named exactly, then without the detail, then the domain's catch-all. */
async function lookUp(
  text: string,
  source: RecipientSource,
  settings: RecipientSettings,
): Promise<Found | undefined> {
  const address = parseAddress(text, source.defaultDomain);
  if (address === undefined || !source.isLocalDomain(address.domain)) return undefined;
  const { base, detail } = splitDetail(address.local, settings.plusSeparator);

  const exact = await named(address.local, address.domain, source);
  if (exact !== undefined) return { ...exact, detail: undefined };
  if (base !== address.local) {
    const stripped = base === "" ? undefined : await named(base, address.domain, source);
    if (stripped !== undefined) return { ...stripped, detail };
    if (detail !== undefined && base.toLowerCase() === settings.postuser.toLowerCase()) {
      const mailbox = address.domain === source.defaultDomain ? detail : `${address.domain}!${detail}`;
      return { kind: "mailbox", mailbox };
    }
  }
  const targets = await source.targetsOf(`@${address.domain}`);
  return targets === undefined ? undefined : { kind: "alias", targets, detail };
}

async function named(
  local: string,
  domain: string,
  source: RecipientSource,
): Promise<{ kind: "user"; userId: string } | { kind: "alias"; targets: readonly string[] } | undefined> {
  const userId = userIdOf({ local, domain }, source.defaultDomain);
  if (await source.hasUser(userId)) return { kind: "user", userId };
  const targets = await source.targetsOf(printAddress({ local, domain }));
  return targets === undefined ? undefined : { kind: "alias", targets };
}
