import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { BoundedQueue } from "./bounded-queue.ts";

test("BoundedQueue: behaves as an array with a bound", () => {
  const operation = fc.oneof(fc.nat(20), fc.constant("poll" as const), fc.constant("many" as const));
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 200 }), (operations) => {
      const queue = new BoundedQueue<number>({ maxItems: 30, maxWeight: 100, weigh: (item) => item });
      const model: number[] = [];
      for (const step of operations) {
        if (step === "poll") assert.equal(queue.poll(), model.shift());
        else if (step === "many") assert.deepEqual(queue.pollMany(3), model.splice(0, 3));
        else {
          const weight = model.reduce((sum, item) => sum + item, 0);
          const fits = model.length < 30 && (model.length === 0 || weight + step <= 100);
          assert.equal(queue.offer(step), fits);
          if (fits) model.push(step);
        }
        assert.equal(queue.length, model.length);
        assert.equal(queue.peek(), model[0]);
        assert.equal(
          queue.weight,
          model.reduce((sum, item) => sum + item, 0),
        );
      }
    }),
  );
});
