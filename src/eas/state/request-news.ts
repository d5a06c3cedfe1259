/**
 * Which device has a newer Ping or Sync, at whatever gateway: the one that another gateway holds ends then. All gateways
 * hear of all requests in one order, their own among them, so that of two that come at the same moment both gateways take
 * the same one for the newer. A hint: where it is lost the older request lives until its time is up.
 */
export interface RequestNews {
  /** @returns the token by which the request is known again */
  announce(device: string): string;
  /** One listener; setting another replaces it. */
  listen(listener: RequestListener): void;
}

export interface RequestListener {
  /** In the order of all gateways. */
  announced(device: string, token: string): void;
  /** Some were perhaps not heard. */
  missed(): void;
}

/** A way to all gateways for short texts of one line, in one order: PostgresNotices. */
export interface Notices {
  send(text: string): void;
}

export class NoticedRequests implements RequestNews {
  readonly #gateway: string;
  readonly #notices: Notices;
  #listener: RequestListener | undefined;
  #count = 0;

  /** @param gateway a name that no other gateway has, without white space */
  constructor(gateway: string, notices: Notices) {
    this.#gateway = gateway;
    this.#notices = notices;
  }

  announce(device: string): string {
    const token = `${this.#gateway}.${(this.#count += 1)}`;
    this.#notices.send(`${token} ${encodeURIComponent(device)}`);
    return token;
  }

  listen(listener: RequestListener): void {
    this.#listener = listener;
  }

  /** What came over the notices. */
  heard(text: string): void {
    const at = text.indexOf(" ");
    if (at < 0) return;
    let device: string;
    try {
      device = decodeURIComponent(text.slice(at + 1));
    } catch {
      return;
    }
    this.#listener?.announced(device, text.slice(0, at));
  }

  missed(): void {
    this.#listener?.missed();
  }
}
