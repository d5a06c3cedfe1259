/**
 * Deliveries and APPENDs that are answered only when a replica has them, too (`replication.acknowledge: replica`).
 *
 * The wait is bounded. A replica that does not confirm in time is not waited for again until it has caught up: mail goes
 * on with the local disk's promise, and the log, `replication status` and the metrics say so. Nothing is refused: the
 * message is on this disk already, and a sender who tried again would leave two.
 */
import type { UserId } from "../../store/model.ts";
import type { CommitWitness } from "../../store/port.ts";

/** A channel whose confirmation counts. */
export interface ConfirmingChannel {
  isWanted(user: UserId): boolean;
  /** Resolves when the replica has everything up to `sequence`, or the channel gives up waiting. */
  confirmed(user: UserId, sequence: number): Promise<void>;
}

/** Made before the store, which asks it; channels join when there are any. */
export class Acknowledgements implements CommitWitness {
  readonly #channels: ConfirmingChannel[] = [];

  add(channel: ConfirmingChannel): void {
    this.#channels.push(channel);
  }

  get isNeeded(): boolean {
    return this.#channels.length > 0;
  }

  async committed(users: readonly UserId[], sequence: number): Promise<void> {
    const waits: Promise<void>[] = [];
    for (const channel of this.#channels) {
      for (const user of users) if (channel.isWanted(user)) waits.push(channel.confirmed(user, sequence));
    }
    await Promise.all(waits);
  }
}
