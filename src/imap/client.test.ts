import assert from "node:assert/strict";
import { test } from "node:test";
import { ImapHost } from "../../test/support/imap-host.ts";
import { openInlineStore } from "../../test/support/inline-store.ts";
import { PipeEnd, TEST_TLS } from "../../test/support/pipe.ts";
import { ImapClient } from "./client.ts";
import { ImapClientError } from "./client-command.ts";
import { readFetchValues } from "./codec/response.ts";

async function withClient(run: (client: ImapClient, host: ImapHost) => Promise<void>): Promise<void> {
  const host = new ImapHost(await openInlineStore());
  await host.deliver(3);
  const [server, end] = PipeEnd.pair(TEST_TLS);
  const client = new ImapClient(end);
  host.server.accept(server);
  try {
    assert.equal((await client.greeting).status, "OK");
    assert.equal((await client.command("LOGIN alice secret")).status, "OK");
    await run(client, host);
    assert.deepEqual(host.failures, []);
  } finally {
    client.close();
    await host.close();
  }
}

test("client: pipelined commands get their own responses", () =>
  withClient(async (client) => {
    const [selected, fetched, gone] = await Promise.all([
      client.command("SELECT INBOX"),
      client.command("UID FETCH 1:* (FLAGS BODY.PEEK[TEXT])"),
      client.command("FETCH 9 FLAGS"),
    ]);
    assert.equal(selected.code, "READ-WRITE");
    assert.equal(selected.untagged.find(({ name }) => name === "EXISTS")?.number, 3);
    const values = fetched.untagged.map((response) => readFetchValues(response.arguments()));
    assert.deepEqual(
      values.map((value) => [value.get("UID"), String(value.get("BODY[TEXT]"))]),
      [
        ["1", "Body 1\r\n"],
        ["2", "Body 2\r\n"],
        ["3", "Body 3\r\n"],
      ],
    );
    assert.equal(gone.status, "BAD");
  }));

test("client: literals wait for the server, a refused one ends its command only", () =>
  withClient(async (client) => {
    const message = Buffer.from("Subject: x\r\n\r\nbody\r\n");
    const [appended, refused, noop] = await Promise.all([
      client.command(["APPEND INBOX (\\Seen) ", message]),
      client.command(["SELECT ", Buffer.alloc(20_000, 97)]),
      client.command("NOOP"),
    ]);
    assert.match(appended.code ?? "", /^APPENDUID \d+ 4$/);
    assert.deepEqual([refused.status, refused.code], ["NO", "TOOBIG"]);
    assert.equal(noop.status, "OK");
    client.configure({ literalPlus: true });
    assert.equal((await client.command(["APPEND INBOX ", message])).status, "OK");
  }));

test("client: waiting commands fail when the connection ends", () =>
  withClient(async (client, host) => {
    const idle = client.command("IDLE", () => host.server.close());
    await assert.rejects(idle, ImapClientError);
    await assert.rejects(client.command("NOOP"), ImapClientError);
  }));
