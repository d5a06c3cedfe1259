import assert from "node:assert/strict";
import { test } from "node:test";
import { ImapHost } from "../../../test/support/imap-host.ts";
import { openInlineStore } from "../../../test/support/inline-store.ts";
import { PipeEnd, TEST_TLS } from "../../../test/support/pipe.ts";
import { ImapClient } from "../../imap/client.ts";
import { expungeOwn } from "./expunge-own.ts";

test("expungeOwn: what others have marked as deleted stays, with its mark", async () => {
  const host = new ImapHost(await openInlineStore());
  await host.deliver(5);
  const [server, end] = PipeEnd.pair(TEST_TLS);
  const client = new ImapClient(end);
  host.server.accept(server);
  await client.greeting;
  try {
    for (const command of ["LOGIN alice secret", "SELECT INBOX", "UID STORE 2:4 +FLAGS.SILENT (\\Deleted)"]) {
      assert.equal((await client.command(command)).status, "OK", command);
    }
    await expungeOwn(client, new Set([2, 4, 77]));
    const left = await client.command("UID SEARCH ALL");
    assert.equal(
      left.untagged
        .find(({ name }) => name === "SEARCH")
        ?.arguments()
        .rest(),
      " 1 3 5",
    );
    const marked = await client.command("UID SEARCH DELETED");
    assert.equal(
      marked.untagged
        .find(({ name }) => name === "SEARCH")
        ?.arguments()
        .rest(),
      " 3",
    );
  } finally {
    client.close();
    await host.close();
  }
});
