/** What every `DeviceStates` promises. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { DeviceStates, StateAddress } from "../../../src/eas/state/port.ts";
import type { SimClock } from "../../sim/sim-clock.ts";

export interface StatesPlace {
  /** Another gateway's door to the same states. */
  open(): Promise<DeviceStates>;
  readonly clock: SimClock;
  readonly expiryMs: number;
}

const PHONE = { userId: "alice", deviceId: "PHONE1", deviceType: "iPhone", userAgent: "Apple-iPhone/1" };
const inbox: StateAddress = { userId: "alice", deviceId: "PHONE1", kind: "collection", key: "1" };
const value = (text: string): Buffer => Buffer.from(text);

export function statesContract(makePlace: () => Promise<StatesPlace>): void {
  const withStates =
    (work: (states: DeviceStates, place: StatesPlace) => Promise<void>) => async (): Promise<void> => {
      const place = await makePlace();
      const states = await place.open();
      try {
        await work(states, place);
      } finally {
        await states.close();
      }
    };

  test(
    "a record is written on the condition of its version",
    withStates(async (states) => {
      assert.equal(await states.get(inbox), undefined);
      assert.equal(await states.put([{ ...inbox, expected: 0, value: value("one") }]), true);
      const first = await states.get(inbox);
      assert.deepEqual(first?.value, value("one"));
      assert.equal(await states.put([{ ...inbox, expected: 0, value: value("new") }]), false);
      assert.equal(await states.put([{ ...inbox, expected: first.version, value: value("two") }]), true);
      assert.equal(await states.put([{ ...inbox, expected: first.version, value: value("old") }]), false);
      const second = await states.get(inbox);
      assert.deepEqual(second?.value, value("two"));
      assert.equal(await states.put([{ ...inbox, expected: second.version, value: undefined }]), true);
      assert.equal(await states.get(inbox), undefined);
    }),
  );

  test(
    "records are written all or none",
    withStates(async (states) => {
      const sent = { ...inbox, key: "2" };
      await states.put([{ ...inbox, expected: 0, value: value("one") }]);
      const both = [
        { ...sent, expected: 0, value: value("sent") },
        { ...inbox, expected: 77, value: value("two") },
      ];
      assert.equal(await states.put(both), false);
      assert.equal(await states.get(sent), undefined);
      assert.deepEqual((await states.get(inbox))?.value, value("one"));
    }),
  );

  test(
    "of two gateways that answer one device one wins",
    withStates(async (states, place) => {
      const other = await place.open();
      await states.put([{ ...inbox, expected: 0, value: value("start") }]);
      const version = (await other.get(inbox))!.version;
      const outcomes = await Promise.all([
        states.put([{ ...inbox, expected: version, value: value("a") }]),
        other.put([{ ...inbox, expected: version, value: value("b") }]),
      ]);
      assert.equal(outcomes.filter(Boolean).length, 1);
      await other.close();
    }),
  );

  test(
    "records that are not used expire, used ones do not",
    withStates(async (states, { clock, expiryMs }) => {
      const unused = { ...inbox, key: "unused" };
      await states.put([
        { ...inbox, expected: 0, value: value("used") },
        { ...unused, expected: 0, value: value("unused") },
      ]);
      clock.advance(expiryMs * 0.7);
      assert.ok(await states.get(inbox));
      clock.advance(expiryMs * 0.7);
      assert.ok(await states.get(inbox));
      assert.equal(await states.get(unused), undefined);
      assert.equal(await states.put([{ ...unused, expected: 0, value: value("again") }]), true);
      assert.equal(await states.expire(clock.nowMs()), 0);
      clock.advance(expiryMs * 2);
      assert.equal(await states.expire(clock.nowMs()), 2);
    }),
  );

  test(
    "what is remembered is new once",
    withStates(async (states, { clock }) => {
      const sent: StateAddress = { ...inbox, kind: "sent", key: "client-1" };
      assert.equal(await states.remember(sent, 60), true);
      assert.equal(await states.remember(sent, 60), false);
      clock.advance(61_000);
      assert.equal(await states.remember(sent, 60), true);
      await states.forget(sent);
      assert.equal(await states.remember(sent, 60), true);
    }),
  );

  test(
    "devices are made, changed, reset and removed with what belongs to them",
    withStates(async (states, { clock }) => {
      assert.equal(await states.device("alice", "PHONE1"), undefined);
      const made = await states.touchDevice(PHONE, "quarantined");
      assert.equal(made.access, "quarantined");
      assert.equal(made.createdAtMs, clock.nowMs());
      clock.advance(7_200_000);
      const again = await states.touchDevice({ ...PHONE, userAgent: "Apple-iPhone/2" }, "allowed");
      assert.equal(again.access, "quarantined");
      assert.equal(again.userAgent, "Apple-iPhone/2");
      assert.equal(again.lastSeenAtMs, clock.nowMs());
      const changed = await states.updateDevice("alice", "PHONE1", {
        access: "allowed",
        policyKey: 4_294_967_295,
        tracing: true,
        information: { Model: "Größe" },
      });
      assert.equal(changed?.policyKey, 4_294_967_295);
      assert.deepEqual((await states.device("alice", "PHONE1"))?.information, { Model: "Größe" });
      assert.equal((await states.devices("alice")).length, 1);
      assert.equal((await states.devices("bob")).length, 0);
      assert.equal((await states.devices(undefined)).length, 1);
      await states.put([{ ...inbox, expected: 0, value: value("x") }]);
      await states.remember({ ...inbox, kind: "sent", key: "c" }, 60);
      assert.equal((await states.list("alice", "PHONE1", "collection"))[0]?.key, "1");
      await states.resetDevice("alice", "PHONE1");
      assert.equal(await states.get(inbox), undefined);
      assert.equal(await states.remember({ ...inbox, kind: "sent", key: "c" }, 60), false);
      assert.equal(await states.removeDevice("alice", "PHONE1"), true);
      assert.equal(await states.removeDevice("alice", "PHONE1"), false);
      assert.equal(await states.updateDevice("alice", "PHONE1", { tracing: false }), undefined);
    }),
  );
}
