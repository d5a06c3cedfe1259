/** Adds users: passwords are hashed side by side, then one transaction takes everybody who can be added. */
import { printAddress, userIdOf } from "./address.ts";
import { DirectoryError, type NewUser } from "./admin.ts";
import { newCredentialVersion } from "./credential-version.ts";
import type { EmbeddedAdminParts } from "./embedded-admin.ts";
import type { EmbeddedNames } from "./embedded-names.ts";
import { type Secrets, secretsOf, storeSecrets } from "./embedded-secrets.ts";
import type { User } from "./port.ts";

/** Each has two hashes under way. More would only stand before the logins that want one. */
const MAX_UNDER_WAY = 4;

interface Candidate {
  readonly user: NewUser;
  readonly userId: string;
  readonly address: string;
  /** The user can only log in otherwise. */
  readonly secrets: Secrets | undefined;
}

export class EmbeddedNewUsers {
  readonly #parts: EmbeddedAdminParts;
  readonly #names: EmbeddedNames;

  constructor(parts: EmbeddedAdminParts, names: EmbeddedNames) {
    this.#parts = parts;
    this.#names = names;
  }

  /** For each the user, or why he is refused; anything else that goes wrong leaves all of them out. */
  async add(users: readonly NewUser[]): Promise<readonly (User | DirectoryError)[]> {
    const candidates: (Candidate | DirectoryError)[] = [];
    const waiting = users.entries();
    const takeTurns = async (): Promise<void> => {
      for (const [at, user] of waiting) candidates[at] = await this.#prepare(user);
    };
    await Promise.all(Array.from({ length: MAX_UNDER_WAY }, takeTurns));
    return this.#parts.database.write(() =>
      candidates.map((candidate) =>
        candidate instanceof DirectoryError ? candidate : refusedOr(() => this.#insert(candidate)),
      ),
    );
  }

  async #prepare(user: NewUser): Promise<Candidate | DirectoryError> {
    const { database, source, hasher } = this.#parts;
    const named = refusedOr(() => {
      const address = this.#names.newAddress(user.name);
      const userId = userIdOf(address, source.defaultDomain);
      if (database.hasUser(userId)) throw userExists(userId);
      return { user, userId, address: printAddress(address) };
    });
    if (named instanceof DirectoryError) return named;
    if (user.password === undefined) return { ...named, secrets: undefined };
    try {
      return { ...named, secrets: await secretsOf(user.password, hasher) };
    } catch (error) {
      if (error instanceof DirectoryError) return error;
      throw error;
    }
  }

  /** Refuses before it has changed anything. @throws DirectoryError */
  #insert({ user, userId, address, secrets }: Candidate): User {
    const { database, source, io } = this.#parts;
    // Another may have taken the name meanwhile, also one of the same list.
    if (database.hasUser(userId)) throw userExists(userId);
    this.#names.refuseTaken(address);
    database.sql
      .prepare(
        `INSERT INTO users (user_id, display_name, enabled, is_admin, is_proxy, quota_bytes, credential_version)
         VALUES (?, ?, ?, ?, ?, ?, ?)`,
      )
      .run(
        userId,
        user.displayName ?? "",
        Number(user.enabled ?? true),
        Number(user.isAdmin ?? false),
        Number(user.isProxy ?? false),
        user.quotaBytes ?? null,
        newCredentialVersion(io.random),
      );
    const row = this.#names.row(userId);
    if (secrets !== undefined) storeSecrets(database, row, secrets, newCredentialVersion(io.random));
    return source.toUser(row);
  }
}

function userExists(userId: string): DirectoryError {
  return new DirectoryError("user_exists", `user "${userId}" exists`);
}

function refusedOr<T>(work: () => T): T | DirectoryError {
  try {
    return work();
  } catch (error) {
    if (error instanceof DirectoryError) return error;
    throw error;
  }
}
