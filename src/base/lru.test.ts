import assert from "node:assert/strict";
import { test } from "node:test";
import { Lru } from "./lru.ts";

test("Lru: pushes out the least recently used, by count and by size", () => {
  const evicted: string[] = [];
  const cache = new Lru<string, string>({
    maxEntries: 3,
    maxSize: 10,
    sizeOf: (value) => value.length,
    onEvict: (_, key) => void evicted.push(key),
  });
  for (const key of ["a", "b", "c"]) cache.set(key, key);
  assert.equal(cache.get("a"), "a");
  assert.equal(cache.peek("b"), "b");
  cache.set("d", "d");
  assert.deepEqual([...cache.keys()], ["c", "a", "d"]);
  cache.set("a", "123456789");
  assert.deepEqual([...cache.keys()], ["d", "a"]);
  assert.equal(cache.size, 10);
  cache.set("huge", "12345678901");
  assert.equal(cache.get("huge"), undefined);
  assert.deepEqual(evicted, ["b", "a", "c", "huge"]);
  assert.ok(cache.delete("a") && !cache.delete("a"));
  cache.clear();
  assert.deepEqual([cache.count, cache.size], [0, 0]);
});
