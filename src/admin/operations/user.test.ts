import assert from "node:assert/strict";
import { test } from "node:test";
import type { NodeContext } from "../context.ts";
import { AdminError } from "../failure.ts";
import { Fields } from "../fields.ts";
import { userAddMany } from "./user.ts";

test("user.add-many: a payload that cannot be read is refused as a whole, and not quoted", async () => {
  const added: unknown[] = [];
  const directoryAdmin = { addUsers: (users: unknown) => Promise.resolve(added.push(users)) };
  const node = { directoryAdmin } as unknown as NodeContext;
  const run = (...lines: string[]) =>
    userAddMany.run(node, new Fields({}), {
      payload: Buffer.from(lines.join("\n")),
      row: () => Promise.resolve(),
      progress: () => {},
    });
  const good = '{"name":"alice","password":"swordfish"}';
  for (const bad of ['{"name":"bob","password":"swordfish"', '["swordfish"]', '{"password":"swordfish"}']) {
    await assert.rejects(
      run(good, bad),
      (error) =>
        error instanceof AdminError &&
        error.code === "argument_invalid" &&
        !/swordfish/.test(`${error.message}${String(error.cause)}`),
      bad,
    );
  }
  assert.deepEqual(added, []);
});
