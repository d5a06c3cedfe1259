/** THREAD and UID THREAD: RFC 5256 §3. */
import { command } from "../command.ts";
import { bad } from "../refusal.ts";
import { resultOf, writeInTurns } from "../search/answer.ts";
import { findMessages } from "../search/engine.ts";
import { readCharset, readSearchKeys } from "../search/keys.ts";
import { threadUids, type ThreadAlgorithm } from "../sort/thread.ts";
import { writeThreads } from "../sort/threads.ts";
import { inTurns } from "../turns.ts";

const ALGORITHMS: ReadonlyMap<string, ThreadAlgorithm> = new Map([
  ["REFERENCES", "REFERENCES"],
  ["ORDEREDSUBJECT", "ORDEREDSUBJECT"],
]);

export const thread = command({
  name: "THREAD",
  state: "selected",
  uid: true,
  holdsExpunges: true,
  parse(reader, session, call) {
    const name = reader.sp().keyword();
    const algorithm = ALGORITHMS.get(name);
    if (algorithm === undefined) throw bad(`Unknown threading algorithm "${name}"`);
    const charset = readCharset(reader.sp());
    reader.sp();
    return { algorithm, matcher: readSearchKeys(reader, session, call, charset) };
  },
  async run(session, { algorithm, matcher }, { by }) {
    const { selected } = session;
    const found = await findMessages(session, selected, matcher);
    if (session.ended) return;
    const { threads, uids } = await threadUids(session, selected, found, algorithm);
    if (session.ended) return;
    const { numbers } = await inTurns(session, resultOf(selected, Array.from(uids), by));
    await writeInTurns(session, function* write(out) {
      out.ascii("* THREAD");
      if (threads.length > 0) {
        out.ascii(" ");
        yield* writeThreads(out, threads, numbers);
      }
      out.ascii("\r\n");
    });
  },
});
