/**
 * Who is master of whom (S5.1): users and domains for which this node is a replica. Their mailboxes change by replication
 * only; clients find them read-only, and mail for them is refused for now. Kept in a small file of the data folder.
 */
import { join } from "node:path";
import type { Disk } from "../../base/io/disk.ts";
import { readSmallFile, replaceSmallFile } from "../../base/io/small-file.ts";
import { StoreError } from "../../store/errors.ts";
import type { UserId } from "../../store/model.ts";
import type { OwnershipGuard } from "../../store/port.ts";

export type Role = "master" | "replica";

const FILE = "replication-roles.json";

export class Roles implements OwnershipGuard {
  readonly #disk: Disk;
  readonly #path: string;
  /** `alice`, `bob@example.org`, `@example.org` for a domain, `@` for everybody else. */
  readonly #roles: Map<string, Role>;

  constructor(dataFolder: string, disk: Disk) {
    this.#disk = disk;
    this.#path = join(dataFolder, FILE);
    this.#roles = new Map(
      disk.exists(this.#path)
        ? Object.entries(JSON.parse(readSmallFile(disk, this.#path)) as Record<string, Role>)
        : [],
    );
  }

  /** A user's own entry, his domain's, everybody's; master without any. Shared mailboxes are the user "". */
  roleOf(user: UserId): Role {
    if (this.#roles.size === 0) return "master";
    const at = user.lastIndexOf("@");
    const domain = at < 0 ? undefined : this.#roles.get(user.slice(at));
    return this.#roles.get(user) ?? domain ?? this.#roles.get("@") ?? "master";
  }

  isMaster(user: UserId): boolean {
    return this.roleOf(user) === "master";
  }

  list(): readonly (readonly [string, Role])[] {
    return [...this.#roles].sort(([a], [b]) => (a < b ? -1 : 1));
  }

  /** On disk when it returns. `who` as in the file; undefined takes the entry away. */
  set(who: string, role: Role | undefined): void {
    if (role === undefined) this.#roles.delete(who);
    else this.#roles.set(who, role);
    const text = `${JSON.stringify(Object.fromEntries(this.#roles), undefined, 2)}\n`;
    replaceSmallFile(this.#disk, this.#path, text);
  }

  /** @throws StoreError read_only */
  check(user: UserId): void {
    if (!this.isMaster(user)) {
      throw new StoreError(
        "read_only",
        `this server is a replica of ${user === "" ? "shared mailboxes" : user}`,
      );
    }
  }
}
