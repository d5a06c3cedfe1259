import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { CommitQueue, LateBatch, type CommitRunner } from "./commit-queue.ts";
import type { BodySource, CommitReport, Operation, Outcome } from "./operations.ts";

/** Answers when the test says so. */
class HeldRunner implements CommitRunner {
  readonly isInline = true;
  readonly maxSent = 1;
  readonly batches: (readonly Operation[])[] = [];
  closed = false;
  #answer: ((error?: Error) => void) | undefined;

  run(operations: readonly Operation[]): Promise<CommitReport> {
    this.batches.push(operations);
    return new Promise((resolve, reject) => {
      this.#answer = (failure) => {
        if (failure !== undefined) reject(failure);
        else resolve(reportOf(operations));
      };
    });
  }

  async answer(failure?: Error): Promise<void> {
    this.#answer?.(failure);
    for (let i = 0; i < 10; i++) await Promise.resolve();
  }

  close(): Promise<void> {
    this.closed = true;
    return Promise.resolve();
  }
}

/** Takes several batches at a time. */
class ManyRunner implements CommitRunner {
  readonly isInline = true;
  readonly maxSent = 4;
  readonly #answers: ((report: CommitReport) => void)[] = [];

  run(): Promise<CommitReport> {
    return new Promise((resolve) => this.#answers.push(resolve));
  }

  get sent(): number {
    return this.#answers.length;
  }

  answer(batch: number, report: Partial<CommitReport>): void {
    this.#answers[batch]?.({ ...reportOf([{ kind: "removeSegments", args: {}, bodies: [] }]), ...report });
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

function reportOf(operations: readonly Operation[]): CommitReport {
  const outcomes: Outcome[] = operations.map(() => ({ ok: true, value: { removed: 1 } }));
  return { commit: 1, outcomes, deltas: [], feed: [], feedHead: 0, feedTail: 1, seenChanged: [] };
}

function open(onReport: () => undefined = () => undefined) {
  const runner = new HeldRunner();
  const queue = new CommitQueue({ runner, onReport, nowMs: () => 0, log: undefined });
  const ask = (bodies: readonly BodySource[] = []) => queue.run("removeSegments", {}, bodies);
  return { runner, queue, ask };
}

async function turn(): Promise<void> {
  for (let i = 0; i < 10; i++) await Promise.resolve();
}

describe("CommitQueue", () => {
  test("what comes while a batch is committed is the next batch", async () => {
    const { runner, ask } = open();
    const first = ask();
    await turn();
    const others = [ask(), ask(), ask()];
    await runner.answer();
    await first;
    await runner.answer();
    await Promise.all(others);
    assert.deepEqual(
      runner.batches.map((batch) => batch.length),
      [1, 3],
    );
  });

  test("bounds a batch by operations and by bytes, and what waits by both", async () => {
    const { runner, queue, ask } = open();
    const body: BodySource = { kind: "bytes", bytes: Buffer.alloc(20 * 2 ** 20) };
    const answers = [ask(), ...Array.from({ length: 5 }, () => ask([body]))];
    await turn();
    assert.equal(queue.waiting, 4);
    for (let i = 0; i < 8; i++) await runner.answer();
    await Promise.all(answers);
    assert.deepEqual(
      runner.batches.map((batch) => batch.length),
      [2, 1, 1, 1, 1],
    );
    const many = Array.from({ length: 5000 }, () => ask());
    for (let i = 0; i < 12; i++) await runner.answer();
    await Promise.all(many);
    assert.ok(runner.batches.every((batch) => batch.length <= 512));
    assert.equal(queue.waiting, 0);
  });

  test("a committer that fails refuses what is on its way, what waits, and all that comes", async () => {
    const { runner, queue, ask } = open();
    const refused = [ask()];
    await turn();
    refused.push(ask(), ask());
    await runner.answer(new Error("the thread died"));
    const expected = { name: "StoreError", code: "disk_failed", message: /the thread died/ };
    for (const answer of refused) await assert.rejects(answer, expected);
    await assert.rejects(ask(), expected);
    await queue.close();
    assert.equal(runner.closed, true);
  });

  test("a commit that cannot be shown is acknowledged, and the next ones go on", async () => {
    const { runner, ask } = open(() => {
      throw new Error("a bug");
    });
    const first = ask();
    await turn();
    await runner.answer();
    await first;
    const second = ask();
    await turn();
    await runner.answer();
    await second;
  });

  test("an operation that may not be committed any more when its turn comes is refused", async () => {
    const { runner, queue, ask } = open();
    const first = ask();
    await turn();
    const refused = queue.run("removeSegments", {}, [], () => {
      throw new Error("ownership went");
    });
    const last = ask();
    await runner.answer();
    await assert.rejects(refused, /ownership went/);
    await runner.answer();
    await Promise.all([first, last]);
    assert.deepEqual(
      runner.batches.map((batch) => batch.length),
      [1, 1],
    );
  });

  test("a batch that waited too long goes first, and is asked again whether it may", async () => {
    const { runner, queue, ask } = open();
    let isOwner = true;
    const mayCommit = (): void => {
      if (!isOwner) throw new Error("ownership went");
    };
    const refused = queue.run("removeSegments", {}, [], mayCommit);
    const first = ask();
    await turn();
    const last = ask();
    isOwner = false;
    await runner.answer(new LateBatch());
    await assert.rejects(refused, /ownership went/);
    await runner.answer();
    await Promise.all([first, last]);
    assert.deepEqual(
      runner.batches.map((batch) => batch.length),
      [2, 2],
    );
  });

  test("what went into one commit is answered when that is shown", async () => {
    const runner = new ManyRunner();
    let shown = (): void => {};
    const showing = new Promise<void>((resolve) => {
      shown = resolve;
    });
    const onReport = ({ commit }: CommitReport) => (commit === 1 ? showing : undefined);
    const queue = new CommitQueue({ runner, onReport, nowMs: () => 0, log: undefined });
    const answered: string[] = [];
    const ask = async (name: string): Promise<void> => {
      await queue.run("removeSegments", {});
      answered.push(name);
    };
    const asked = [ask("first")];
    await turn();
    asked.push(ask("rest"));
    await turn();
    asked.push(ask("next"));
    await turn();
    runner.answer(0, { commit: 1 });
    runner.answer(1, { commit: 1, isRest: true });
    runner.answer(2, { commit: 2 });
    await turn();
    assert.deepEqual(answered, ["next"]);
    shown();
    await Promise.all(asked);
    assert.deepEqual(answered, ["next", "first", "rest"]);
  });

  test("bounds the bytes of all that is on its way", async () => {
    const runner = new ManyRunner();
    const queue = new CommitQueue({ runner, onReport: () => undefined, nowMs: () => 0, log: undefined });
    const body: BodySource = { kind: "bytes", bytes: Buffer.alloc(20 * 2 ** 20) };
    const asked: Promise<unknown>[] = [];
    for (let i = 0; i < 2; i++) {
      asked.push(queue.run("removeSegments", {}, [body]));
      await turn();
    }
    assert.deepEqual([runner.sent, queue.waiting], [1, 1]);
    runner.answer(0, {});
    await turn();
    assert.deepEqual([runner.sent, queue.waiting], [2, 0]);
    runner.answer(1, {});
    await Promise.all(asked);
  });

  test("close commits what waits and takes nothing more", async () => {
    const { runner, queue, ask } = open();
    const first = ask();
    await turn();
    const second = ask();
    const closed = queue.close();
    await assert.rejects(ask(), { code: "shutting_down" });
    await runner.answer();
    await runner.answer();
    await Promise.all([first, second, closed]);
    assert.equal(runner.closed, true);
  });
});
