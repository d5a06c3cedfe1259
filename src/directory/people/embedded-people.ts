/** People of the embedded directory: its users, found by the beginning of a name or address. */
import type { DirectoryAdmin } from "../admin.ts";
import type { User } from "../port.ts";
import type { People, PeopleFound, Person } from "./people.ts";

export class EmbeddedPeople implements People {
  readonly #admin: Pick<DirectoryAdmin, "listUsers">;

  constructor(admin: Pick<DirectoryAdmin, "listUsers">) {
    this.#admin = admin;
  }

  async search(query: string, domain: string, limit: number): Promise<PeopleFound> {
    const asked = query.trim().toLowerCase();
    if (asked === "") return { total: 0, people: [] };
    const users = await this.#admin.listUsers(domain === "" ? {} : { domain });
    const matching = users.filter((user) => user.enabled && matches(user, asked));
    return { total: matching.length, people: matching.slice(0, limit).map(toPerson) };
  }

  photo(): Promise<undefined> {
    return Promise.resolve(undefined);
  }

  close(): void {}
}

function matches({ displayName, addresses, userId }: User, asked: string): boolean {
  const words = [displayName, ...displayName.split(/\s+/), userId, ...addresses];
  return words.some((word) => word.toLowerCase().startsWith(asked));
}

function toPerson({ displayName, addresses, userId }: User): Person {
  const words = displayName.trim().split(/\s+/);
  return {
    displayName: displayName === "" ? userId : displayName,
    address: addresses[0] ?? "",
    firstName: words.length > 1 ? words.slice(0, -1).join(" ") : "",
    lastName: words.at(-1) ?? "",
    alias: userId,
    phone: "",
    mobilePhone: "",
    homePhone: "",
    office: "",
    company: "",
    title: "",
  };
}
