import { equal, ok, throws } from "node:assert/strict";
import { test } from "node:test";
import { SimClock } from "../../test/sim/sim-clock.ts";
import { directorySettings } from "../../test/support/directory-settings.ts";
import { NetworkList } from "../base/networks.ts";
import { FailedLogins, MAX_TRACKED_ADDRESSES, MAX_WAITING_PER_ADDRESS, network } from "./failed-logins.ts";
import { AuthError } from "./port.ts";

const HERE = "192.0.2.1";
const tooMany = (error: unknown) => error instanceof AuthError && error.code === "too_many_failures";

function open(changes: Parameters<typeof directorySettings>[0] = {}): {
  clock: SimClock;
  failed: FailedLogins;
} {
  const clock = new SimClock();
  return { clock, failed: new FailedLogins(clock, directorySettings(changes)) };
}

/** How long `enter` waits, by moving the clock. */
async function delayOf(clock: SimClock, entered: Promise<void> | undefined): Promise<number> {
  if (entered === undefined) return 0;
  const state = { isOver: false };
  void entered.then(() => (state.isOver = true));
  let waitedMs = 0;
  while (!state.isOver) {
    clock.advance(500);
    waitedMs += 500;
    await Promise.resolve();
    await Promise.resolve();
  }
  return waitedMs;
}

test("wrong passwords are free up to the bound, then the delay doubles up to its cap", async () => {
  const { clock, failed } = open();
  const delays: number[] = [];
  for (let attempt = 0; attempt < 10; attempt++) {
    delays.push(await delayOf(clock, failed.enter(HERE, `user${attempt}`)));
    failed.failed(HERE, `user${attempt}`, `password ${attempt}`);
  }
  equal(delays.join(), "0,0,0,0,1000,2000,4000,8000,15000,15000");
});

test("a user is protected against many addresses, but never refused", async () => {
  const { clock, failed } = open();
  for (let attempt = 0; attempt < 500; attempt++)
    failed.failed(`198.51.100.${attempt % 250}`, "alice", `${attempt}`);
  equal(await delayOf(clock, failed.enter("203.0.113.9", "alice")), 15_000);
  equal(await delayOf(clock, failed.enter("203.0.113.9", "bob")), 0);
});

test("an address with far too many failures is refused at once, until they are forgotten", () => {
  const { clock, failed } = open();
  for (let attempt = 0; attempt < 100; attempt++) failed.failed(HERE, `user${attempt}`, `${attempt}`);
  throws(() => failed.enter(HERE, "alice"), tooMany);
  clock.advance(15 * 60_000);
  equal(failed.enter(HERE, "alice"), undefined);
});

test("the same wrong password again does not count", async () => {
  const { clock, failed } = open();
  for (let attempt = 0; attempt < 50; attempt++) failed.failed(HERE, "alice", "the old one");
  equal(await delayOf(clock, failed.enter(HERE, "alice")), 0);
});

test("who logged in lately from there does not wait, until he guesses", async () => {
  const { clock, failed } = open();
  failed.succeeded(HERE, "alice");
  for (let attempt = 0; attempt < 8; attempt++) failed.failed(HERE, `user${attempt}`, `${attempt}`);
  equal(await delayOf(clock, failed.enter(HERE, "alice")), 0);
  equal(await delayOf(clock, failed.enter(HERE, "bob")), 15_000);
  failed.failed(HERE, "alice", "guess");
  equal(await delayOf(clock, failed.enter(HERE, "alice")), 15_000);
});

test("guessing in parallel waits as guessing in a row, and only so many may wait", () => {
  const { failed } = open();
  for (let attempt = 0; attempt < 5; attempt++) failed.failed(HERE, "alice", `${attempt}`);
  for (let waiting = 0; waiting < MAX_WAITING_PER_ADDRESS; waiting++)
    ok(failed.enter(HERE, "alice") !== undefined);
  throws(() => failed.enter(HERE, "alice"), tooMany);
});

test("exempt networks have no delay per address", async () => {
  const { clock, failed } = open({ failedLoginExempt: new NetworkList(["192.0.2.0/24"]) });
  for (let attempt = 0; attempt < 200; attempt++) failed.failed(HERE, `user${attempt}`, `${attempt}`);
  equal(await delayOf(clock, failed.enter(HERE, "alice")), 0);
});

test("the table is bounded: the oldest address is forgotten first", async () => {
  const { clock, failed } = open();
  for (let attempt = 0; attempt < 8; attempt++) failed.failed(HERE, "", `${attempt}`);
  for (let other = 0; other < MAX_TRACKED_ADDRESSES; other++)
    failed.failed(`10.${other >> 16}.${(other >> 8) & 255}.${other & 255}`, "", "x");
  equal(await delayOf(clock, failed.enter(HERE, "")), 0);
});

for (const [address, expected] of [
  ["192.0.2.1", "192.0.2.1"],
  ["::ffff:192.0.2.1", "192.0.2.1"],
  ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"],
  ["2001:db8::1", "2001:db8:0:0::/64"],
  ["2001:0DB8:0:0:ffff::", "2001:db8:0:0::/64"],
  ["::1", "0:0:0:0::/64"],
  ["fe80::1%eth0", "fe80:0:0:0::/64"],
  ["", ""],
] as const) {
  test(`network of "${address}" is "${expected}"`, () => equal(network(address), expected));
}
