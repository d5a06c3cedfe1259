import type { TestDefinition } from "../compiler.ts";

/** allof: RFC 5228 §5.2. */
export const allof: TestDefinition = {
  name: "allof",
  signature: { tests: "many" },
  compile(_, scope, node) {
    const tests = scope.tests(node.tests);
    return (run) => tests.every((test) => test(run));
  },
};

/** anyof: RFC 5228 §5.3. */
export const anyof: TestDefinition = {
  name: "anyof",
  signature: { tests: "many" },
  compile(_, scope, node) {
    const tests = scope.tests(node.tests);
    return (run) => tests.some((test) => test(run));
  },
};

/** not: RFC 5228 §5.8. */
export const not: TestDefinition = {
  name: "not",
  signature: { tests: "one" },
  compile(_, scope, node) {
    const test = scope.test(node.tests[0]!);
    return (run) => !test(run);
  },
};

/** true and false: RFC 5228 §5.6, §5.10. */
export const always: TestDefinition = { name: "true", signature: {}, compile: () => () => true };
export const never: TestDefinition = { name: "false", signature: {}, compile: () => () => false };
