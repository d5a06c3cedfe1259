import assert from "node:assert/strict";
import { test } from "node:test";
import { NoticedRequests } from "./state/request-news.ts";
import { DeviceTurns } from "./turns.ts";

const BOUNDS = { maxWaiting: 10, maxRequests: 10, maxHeld: 10 };

/** Gateways whose notices all hear in one order, when the test says so. */
class Gateways {
  readonly #news: NoticedRequests[] = [];
  readonly #sent: string[] = [];

  open(): DeviceTurns {
    const notices = { send: (text: string) => void this.#sent.push(text) };
    const news = new NoticedRequests(`gateway${this.#news.length}`, notices);
    this.#news.push(news);
    return new DeviceTurns(BOUNDS, news);
  }

  deliver(): void {
    for (const text of this.#sent.splice(0)) for (const news of this.#news) news.heard(text);
  }

  lose(): void {
    this.#sent.length = 0;
    for (const news of this.#news) news.missed();
  }
}

/** Takes a turn and is held until it is aborted. */
async function ping(turns: DeviceTurns, user = "alice"): Promise<AbortSignal> {
  const controller = new AbortController();
  const turn = await turns.take(user, "PHONE", { replacesHeld: true, controller });
  const ended = new Promise<void>((resolve) => {
    controller.signal.addEventListener("abort", () => resolve());
    if (controller.signal.aborted) resolve();
  });
  void turn.hold(() => ended).then(() => turn.release());
  return controller.signal;
}

test("DeviceTurns: a newer request at another gateway ends the one held here, and that of no other device", async () => {
  const gateways = new Gateways();
  const [one, two] = [gateways.open(), gateways.open()];
  const first = await ping(one);
  const other = await ping(one, "bob");
  gateways.deliver();
  const second = await ping(two);
  gateways.deliver();
  assert.deepEqual([first.aborted, second.aborted, other.aborted], [true, false, false]);
  const third = await ping(one);
  gateways.deliver();
  assert.deepEqual([second.aborted, third.aborted], [true, false]);
});

test("DeviceTurns: of two requests at one moment all gateways take the same one for the newer", async () => {
  const gateways = new Gateways();
  const [one, two] = [gateways.open(), gateways.open()];
  const first = await ping(one);
  const second = await ping(two);
  gateways.deliver();
  assert.deepEqual([first.aborted, second.aborted], [true, false]);
});

test("DeviceTurns: what is worked on when a newer request comes is not held any more", async () => {
  const gateways = new Gateways();
  const [one, two] = [gateways.open(), gateways.open()];
  const controller = new AbortController();
  const turn = await one.take("alice", "PHONE", { replacesHeld: true, controller });
  gateways.deliver();
  await ping(two);
  gateways.deliver();
  assert.equal(controller.signal.aborted, false);
  await turn.hold(() => Promise.resolve());
  assert.equal(controller.signal.aborted, true);
  turn.release();
  assert.equal(one.requestCount, 0);
});

test("DeviceTurns: after notices were lost the next one ends what is held", async () => {
  const gateways = new Gateways();
  const [one, two] = [gateways.open(), gateways.open()];
  const first = await ping(one);
  gateways.lose();
  await ping(two);
  gateways.deliver();
  assert.equal(first.aborted, true);
});

test("NoticedRequests: what is no notice is not heard", () => {
  const news = new NoticedRequests("g", { send: () => undefined });
  const heard: string[] = [];
  news.listen({ announced: (device) => heard.push(device), missed: () => undefined });
  for (const text of ["", "x", "g.1 %", "g.1 alice%0AP"]) news.heard(text);
  assert.deepEqual(heard, ["alice\nP"]);
});

test("DeviceTurns: what an administrator changed ends the device's held requests at every gateway", async () => {
  const gateways = new Gateways();
  const [one, two] = [gateways.open(), gateways.open()];
  const [phone, other] = [await ping(one), await ping(one, "bob")];
  gateways.deliver();
  two.endHeld("alice", "PHONE");
  gateways.deliver();
  assert.deepEqual([phone.aborted, other.aborted], [true, false]);
  one.endHeld("bob");
  assert.equal(other.aborted, true);
});
