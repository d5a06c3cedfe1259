/**
 * One request of a device at a time, the others wait in a bounded queue. A held Ping or Sync gives its turn away, so that
 * a device can send mail meanwhile; a newer Ping or Sync ends it, also one at another gateway.
 */
import { assert } from "../base/assert.ts";
import type { RequestNews } from "./state/request-news.ts";
import { EasRefusal } from "./status.ts";

export interface TurnBounds {
  /** Waiting requests of one device. */
  readonly maxWaiting: number;
  /** Requests of all devices, waiting ones counted, held ones not. */
  readonly maxRequests: number;
  readonly maxHeld: number;
}

export interface Turn {
  /** As EasRequest.hold. */
  hold<T>(wait: () => Promise<T>): Promise<T>;
  /** The next request of the device starts. */
  release(): void;
}

export interface TurnRequest {
  /** Ping and Sync. */
  readonly replacesHeld: boolean;
  /** Aborted when a newer one takes its place. */
  readonly controller: AbortController;
}

/** Reason of an abort, for commands and logs. */
export const REPLACED = "a newer request of this device took its place";
export const STOPPING = "the server stops";
export const ENDED = "an administrator changed what the device may do";

/** A Ping or Sync as all gateways know it. */
interface Ticket {
  readonly token: string;
  /** Its announcement was heard here too: whatever is heard after it is newer. */
  settled: boolean;
  replaced: boolean;
}

type Taken = TurnRequest & { readonly ticket: Ticket | undefined };

interface DeviceQueue {
  busy: boolean;
  readonly waiting: (TurnRequest & { start(): void })[];
  readonly held: Set<Taken>;
  /** Of all its Pings and Syncs here. */
  readonly tickets: Set<Ticket>;
}

export class DeviceTurns {
  readonly #bounds: TurnBounds;
  readonly #devices = new Map<string, DeviceQueue>();
  #requests = 0;
  #held = 0;
  #stopping = false;
  readonly #news: RequestNews | undefined;

  /** @param news of other gateways that serve the same devices */
  constructor(bounds: TurnBounds, news?: RequestNews) {
    this.#bounds = bounds;
    this.#news = news;
    news?.listen({
      announced: (device, token) => this.#announced(device, token),
      missed: () => this.#settleAll(),
    });
  }

  get requestCount(): number {
    return this.#requests;
  }

  get heldCount(): number {
    return this.#held;
  }

  /** @throws EasRefusal server_error_retry_later */
  async take(userId: string, deviceId: string, request: TurnRequest): Promise<Turn> {
    const device = keyOf(userId, deviceId);
    if (this.#stopping || this.#requests >= this.#bounds.maxRequests) {
      throw new EasRefusal("server_error_retry_later", "too many requests are worked on");
    }
    const queue = this.#devices.get(device) ?? {
      busy: false,
      waiting: [],
      held: new Set(),
      tickets: new Set(),
    };
    if (queue.waiting.length >= this.#bounds.maxWaiting) {
      throw new EasRefusal("server_error_retry_later", "too many requests of this device are waiting");
    }
    this.#devices.set(device, queue);
    if (request.replacesHeld) for (const held of queue.held) held.controller.abort(REPLACED);
    const ticket = request.replacesHeld ? this.#announce(device, queue) : undefined;
    const taken = { ...request, ticket };
    this.#requests += 1;
    await this.#enter(queue, taken, false);
    return {
      hold: (wait) => this.#hold(device, queue, taken, wait),
      release: () => {
        this.#requests -= 1;
        if (ticket !== undefined) queue.tickets.delete(ticket);
        this.#leave(device, queue);
      },
    };
  }

  /**
   * Ends what is held for a device, or for all of a user, here and (of one device) at the other gateways, so that it comes
   * again and is judged anew.
   */
  endHeld(userId: string, deviceId?: string): void {
    const wanted = keyOf(userId, deviceId ?? "");
    for (const [device, { held }] of this.#devices) {
      const isMeant = deviceId === undefined ? device.startsWith(wanted) : device === wanted;
      if (isMeant) for (const { controller } of held) controller.abort(ENDED);
    }
    if (deviceId !== undefined) this.#news?.announce(wanted);
  }

  /** Ends what is held and refuses what comes; requests under way go on. */
  stop(): void {
    this.#stopping = true;
    for (const { held } of this.#devices.values()) {
      for (const request of held) request.controller.abort(STOPPING);
    }
  }

  #announce(device: string, queue: DeviceQueue): Ticket | undefined {
    if (this.#news === undefined) return undefined;
    const ticket = { token: this.#news.announce(device), settled: false, replaced: false };
    queue.tickets.add(ticket);
    return ticket;
  }

  #announced(device: string, token: string): void {
    const queue = this.#devices.get(device);
    if (queue === undefined) return;
    for (const ticket of queue.tickets) {
      if (ticket.token !== token) continue;
      ticket.settled = true;
      return;
    }
    for (const ticket of queue.tickets) ticket.replaced ||= ticket.settled;
    for (const { ticket, controller } of queue.held) {
      if (ticket?.replaced === true) controller.abort(REPLACED);
    }
  }

  /** What was announced may not have been heard: whatever is heard from now on is newer. */
  #settleAll(): void {
    for (const { tickets } of this.#devices.values()) for (const ticket of tickets) ticket.settled = true;
  }

  #enter(queue: DeviceQueue, request: TurnRequest, first: boolean): Promise<void> | undefined {
    if (!queue.busy) {
      queue.busy = true;
      return undefined;
    }
    return new Promise((resolve) => {
      const waiter = { ...request, start: resolve };
      if (first) queue.waiting.unshift(waiter);
      else queue.waiting.push(waiter);
    });
  }

  #leave(device: string, queue: DeviceQueue): void {
    assert(queue.busy, "a turn was given back twice");
    const next = queue.waiting.shift();
    if (next !== undefined) next.start();
    else queue.busy = false;
    if (!queue.busy && queue.held.size === 0) this.#devices.delete(device);
  }

  async #hold<T>(device: string, queue: DeviceQueue, request: Taken, wait: () => Promise<T>): Promise<T> {
    if (this.#held >= this.#bounds.maxHeld) {
      throw new EasRefusal("server_error_retry_later", "too many requests are held");
    }
    if (this.#stopping) request.controller.abort(STOPPING);
    else if (request.ticket?.replaced === true || queue.waiting.some(({ replacesHeld }) => replacesHeld)) {
      request.controller.abort(REPLACED);
    }
    queue.held.add(request);
    this.#held += 1;
    this.#requests -= 1;
    this.#leave(device, queue);
    try {
      return await wait();
    } finally {
      // Stays in `held` until it has its turn again, so that the device's queue is not forgotten.
      // It is the older one already: it does not end the hold of a newer one.
      await this.#enter(queue, { ...request, replacesHeld: false }, true);
      queue.held.delete(request);
      this.#held -= 1;
      this.#requests += 1;
    }
  }
}

function keyOf(userId: string, deviceId: string): string {
  return `${userId}\n${deviceId}`;
}
