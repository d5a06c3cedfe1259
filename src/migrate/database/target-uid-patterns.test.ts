import assert from "node:assert/strict";
import { test } from "node:test";
import { MigrateError } from "../errors.ts";
import { checkPatterns, isAllowed } from "./target-uid-patterns.ts";

test("isAllowed: a star stays on its side of the @", () => {
  const rows: readonly (readonly [pattern: string, uid: string, allowed: boolean])[] = [
    ["anna", "anna", true],
    ["anna", "Anna", true],
    ["anna", "anna2", false],
    ["anna", "anna@example.org", false],
    ["*@example.org", "anna@example.org", true],
    ["*@example.org", "ANNA@Example.ORG", true],
    ["*@example.org", "anna", false],
    ["*@example.org", "anna@sub.example.org", false],
    ["*@example.org", "anna@exampleXorg", false],
    ["*@example.org", "victim@other.test@example.org", false],
    ["*@example.org", "victim*master@example.org", false],
    ["shop-*", "shop-1", true],
    ["shop-*", "shop-1@other.test", false],
    ["*", "anna", true],
    ["*", "anna@example.org", false],
    ["*@*", "anna@example.org", true],
    ["a.c", "abc", false],
    ["J\u00f6rg", "jo\u0308rg", true],
  ];
  for (const [pattern, uid, allowed] of rows) {
    assert.equal(isAllowed(uid, [pattern]), allowed, `${pattern} ${uid}`);
  }
  assert.equal(isAllowed("b", ["a", "b"]), true);
  assert.equal(isAllowed("anna", []), false);
});

test("checkPatterns: what cannot be meant, or would take long, is refused", () => {
  const invalid = (error: unknown) => error instanceof MigrateError && error.code === "invalid";
  checkPatterns([]);
  checkPatterns(["*@example.org", "*@*", "anna"]);
  for (const pattern of ["", "a b", "a\n", "*a*b*", "x".repeat(256)]) {
    assert.throws(() => checkPatterns(["anna", pattern]), invalid, pattern);
  }
  const many = Array.from({ length: 501 }, (_, at) => `user${at}`);
  assert.throws(() => checkPatterns(many), invalid);
});
