/**
 * What the gateways know of messages that were handed to an SMTP server, so that a request that comes again after a crash
 * or a lost answer sends nothing twice where that can be known.
 *
 *     begun ── SMTP took it ──> accepted ── copy in Sent ──> done
 *       └── no answer came ──> unanswered
 *
 * Found again as `accepted` only the copy is missing. As `begun` or `unanswered` nobody knows: the message is looked for in
 * Sent, where servers put copies by themselves and where ours lies when only the record was lost. When it is not there it
 * is sent again under the same Message-ID: twice is better than never (RFC 5321 §4.5.3.2.6).
 */
import { createHash } from "node:crypto";
import type { Clock } from "../../../base/io/clock.ts";
import type { Random } from "../../../base/io/random.ts";
import type { DeviceStates, StateAddress } from "../../state/port.ts";
import { AccountError } from "../port.ts";

export interface Sending {
  readonly state: "begun" | "unanswered" | "accepted" | "partly" | "done";
  readonly messageId: string;
  /** Who was refused, for `partly`. */
  readonly text?: string;
}

interface Kept extends Sending {
  /** Which gateway works on it, since when. */
  readonly gateway: string;
  readonly atMs: number;
}

export interface LedgerPorts {
  readonly states: Pick<DeviceStates, "get" | "put" | "forget">;
  readonly clock: Clock;
  readonly random: Random;
  /** For so long another gateway may still be at work on what it began. */
  readonly leaseMs: number;
}

/** Records belong to the user, not to a device; they expire like all others. */
const NO_DEVICE = "";
const ID_BYTES = 9;

export class SendLedger {
  readonly #ports: LedgerPorts;
  readonly #gateway: string;

  constructor(ports: LedgerPorts) {
    this.#ports = ports;
    this.#gateway = ports.random.bytes(ID_BYTES).toString("base64url");
  }

  /** @throws AccountError unavailable while another gateway may be sending it */
  async find(userId: string, onceKey: string): Promise<Sending | undefined> {
    const stored = await this.#ports.states.get(addressOf(userId, onceKey));
    if (stored === undefined) return undefined;
    const kept = JSON.parse(stored.value.toString("utf8")) as Kept;
    const ageMs = this.#ports.clock.nowMs() - kept.atMs;
    if (kept.state === "begun" && kept.gateway !== this.#gateway && ageMs < this.#ports.leaseMs) {
      throw new AccountError("unavailable", "another gateway may be sending this message just now");
    }
    return kept;
  }

  /** @throws AccountError unavailable when another gateway was quicker, SqlError */
  async begin(userId: string, onceKey: string, messageId: string): Promise<void> {
    if (await this.#write(userId, onceKey, { state: "begun", messageId })) return;
    throw new AccountError("unavailable", "another gateway sends this message");
  }

  /** @throws SqlError */
  async note(userId: string, onceKey: string, sending: Sending): Promise<void> {
    await this.#write(userId, onceKey, sending);
  }

  /** It was not sent. @throws SqlError */
  async forget(userId: string, onceKey: string): Promise<void> {
    await this.#ports.states.forget(addressOf(userId, onceKey));
  }

  async #write(userId: string, onceKey: string, sending: Sending): Promise<boolean> {
    const { states, clock } = this.#ports;
    const address = addressOf(userId, onceKey);
    const kept: Kept = { ...sending, gateway: this.#gateway, atMs: clock.nowMs() };
    const expected = (await states.get(address))?.version ?? 0;
    return states.put([{ ...address, expected, value: Buffer.from(JSON.stringify(kept)) }]);
  }
}

function addressOf(userId: string, onceKey: string): StateAddress {
  const key = createHash("sha256").update(onceKey).digest("hex");
  return { userId, deviceId: NO_DEVICE, kind: "sending", key };
}
