/** People in LDAP: S2.19–24. Attributes are those of inetOrgPerson (RFC 2798, RFC 4519). */
import type { Entry } from "ldapts";
import type { Clock } from "../../base/io/clock.ts";
import type { Log } from "../../base/log.ts";
import { escapeFilterValue } from "../ldap/filter.ts";
import { LdapPool } from "../ldap/ldap-pool.ts";
import type { PeopleSettings } from "./people-options.ts";
import type { People, PeopleFound, Person } from "./people.ts";

const ATTRIBUTES = [
  "cn",
  "displayName",
  "mail",
  "givenName",
  "sn",
  "uid",
  "telephoneNumber",
  "mobile",
  "homePhone",
  "physicalDeliveryOfficeName",
  "o",
  "title",
];
const MAX_CONNECTIONS = 4;
const RETRY_DELAY_MS = 1_000;
const MAX_QUERY_CHARACTERS = 256;

export class LdapPeople implements People {
  readonly #settings: PeopleSettings;
  readonly #pool: LdapPool;

  constructor(settings: PeopleSettings & { readonly url: string }, clock: Clock, log: Log) {
    this.#settings = settings;
    const server = {
      url: settings.url,
      startTls: settings.startTls,
      caFile: settings.caFile,
      bindDn: settings.bindDn,
      bindPassword: settings.bindPassword,
      timeoutMs: settings.timeoutMs,
      retryDelayMs: RETRY_DELAY_MS,
    };
    this.#pool = new LdapPool(server, clock, log, { as: "searcher", maxConnections: MAX_CONNECTIONS });
  }

  async search(query: string, domain: string, limit: number): Promise<PeopleFound> {
    // Servers pass over controls when they compare: what is left empty would match everybody.
    const asked = query
      .replaceAll(/\p{Cc}/gu, "")
      .trim()
      .slice(0, MAX_QUERY_CHARACTERS);
    const most = Math.min(limit, this.#settings.limit);
    if (asked === "") return { total: 0, people: [] };
    const entries = await this.#find(fill(this.#settings.filter, asked, domain), domain, most, ATTRIBUTES);
    const people = entries.map(toPerson).filter(({ address }) => address !== "");
    return { total: people.length, people: people.slice(0, most) };
  }

  async photo(address: string, domain: string): Promise<Buffer | undefined> {
    const filter = `(mail=${escapeFilterValue(address)})`;
    const [entry] = await this.#find(filter, domain, 1, ["jpegPhoto"]);
    const value = entry?.["jpegPhoto"];
    const first: unknown = Array.isArray(value) ? value[0] : value;
    return Buffer.isBuffer(first) && first.length > 0 ? first : undefined;
  }

  close(): void {
    this.#pool.close();
  }

  async #find(
    filter: string,
    domain: string,
    limit: number,
    attributes: string[],
  ): Promise<readonly Entry[]> {
    const base = fill(this.#settings.base, "", domain);
    const options = { scope: "sub" as const, filter, attributes, explicitBufferAttributes: ["jpegPhoto"] };
    return await this.#pool.use((connection) => connection.searchFirst(base, options, limit));
  }
}

/** `%q` and `%d`, with everything escaped that a filter gives a meaning to; a domain's first label for `dc=%d`. */
function fill(template: string, query: string, domain: string): string {
  return template.replaceAll(/%([qd])/g, (_match, letter: string) =>
    letter === "q" ? escapeFilterValue(query) : escapeFilterValue(domain),
  );
}

function toPerson(entry: Entry): Person {
  const get = (name: string): string => {
    const value = entry[name];
    const first: unknown = Array.isArray(value) ? value[0] : value;
    return typeof first === "string" ? first : Buffer.isBuffer(first) ? first.toString("utf8") : "";
  };
  return {
    displayName: get("displayName") || get("cn"),
    address: get("mail"),
    firstName: get("givenName"),
    lastName: get("sn"),
    alias: get("uid"),
    phone: get("telephoneNumber"),
    mobilePhone: get("mobile"),
    homePhone: get("homePhone"),
    office: get("physicalDeliveryOfficeName"),
    company: get("o"),
    title: get("title"),
  };
}
