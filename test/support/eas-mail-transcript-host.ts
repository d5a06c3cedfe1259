/**
 * Dialogues of ActiveSync over a real store: as `EasTranscriptHost`, with mail. `@ deliver user.alice 3` puts messages into
 * a mailbox, `@ expunge user.alice 1` takes one out.
 */
import type { Uid } from "../../src/base/numbers.ts";
import { deliver, expunge } from "./eas-mailbox.ts";
import { type AnsweredDocument, EasTranscriptHost } from "./eas-transcript-host.ts";
import type { EasTrial } from "./eas-trial.ts";
import type { TranscriptHost, TranscriptPeer } from "./transcript.ts";

/** Elements whose bytes are no text. */
const BINARY = /(<Email2:Conversation(?:Id|Index)>)[^<]+</g;

export class EasMailTranscriptHost implements TranscriptHost {
  readonly #trial: EasTrial;
  readonly #host: EasTranscriptHost;

  constructor(trial: EasTrial) {
    this.#trial = trial;
    this.#host = new EasTranscriptHost({
      states: trial.states,
      accounts: { open: () => Promise.resolve(trial.account()) },
      classes: [trial.email],
    });
  }

  get failures(): readonly string[] {
    return this.#host.failures;
  }

  get answers(): readonly AnsweredDocument[] {
    return this.#host.answers;
  }

  connect(client: string): Promise<TranscriptPeer> {
    return this.#host.connect(client);
  }

  async directive(words: readonly string[]): Promise<void> {
    const [word, folder = "", value = "1"] = words;
    if (word === "deliver") await deliver(this.#trial, Number(value), { folder });
    else if (word === "expunge") await expunge(this.#trial, [Number(value) as Uid], folder);
    else await this.#host.directive(words);
  }

  generalize(line: string): string {
    return this.#host.generalize(line).replaceAll(BINARY, "$1<any><");
  }
}
