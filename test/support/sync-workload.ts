/** A user with everything that replication carries, and changes of every kind, over IMAP: for both ends' tests. */
import type { SimRandom } from "../sim/sim-random.ts";
import type { ImapPeer } from "./imap-peer.ts";

/** With non-ASCII names (modified UTF-7), a level that is only above others, and a dot in a name. */
const MAILBOXES = [
  "Work",
  "Work/Deep/Er",
  "Gr&APwA3w-e",
  "&ZeVnLIqe-",
  "Lists",
  "Lists/One",
  "Lists/Two",
  "With blank",
  "Dot.name",
  "Archive",
];
const KEYWORDS = ["$Label1", "$Forwarded", "Wichtig", "kw4", "NonJunk", "x.y-z"];
const FLAGS = ["\\Seen", "\\Flagged", "\\Answered", "\\Draft", "\\Deleted"];

export interface WorkloadUser {
  readonly name: string;
  readonly peer: ImapPeer;
  readonly admin: ImapPeer;
  /** Somebody else, who reads in a shared mailbox. */
  readonly other: { readonly name: string; readonly peer: ImapPeer };
}

export function sampleText(random: SimRandom, number: number): Buffer {
  const head = `Subject: =?utf-8?Q?Nachricht_${number}?=\r\nFrom: a${number}@example.org\r\nMessage-ID: <${number}.${random.below(1e9)}@x>\r\n`;
  const line = `${"abcdefghij ".repeat(1 + random.below(6))}\r\n`;
  const body = line.repeat(1 + random.below(random.chance(0.02) ? 2000 : 20));
  // Bytes that are no text either.
  const tail = random.chance(0.1) ? Buffer.from([0xff, 0xfe, 0xe4, 13, 10]) : Buffer.alloc(0);
  return Buffer.concat([Buffer.from(`${head}\r\n${body}`), tail]);
}

/** Twelve mailboxes with INBOX and Drafts; about `messages` messages. */
export async function fillUser(user: WorkloadUser, random: SimRandom, messages: number): Promise<void> {
  const { peer, admin, other, name } = user;
  await peer.ok("CREATE Drafts (USE (\\Drafts))");
  for (const mailbox of MAILBOXES) await peer.ok(`CREATE "${mailbox}"`);
  const all = ["INBOX", "Drafts", ...MAILBOXES];
  for (let number = 1; number <= messages; number++) {
    const flags = [...FLAGS.slice(0, 4), ...KEYWORDS].filter(() => random.chance(0.2));
    const mailbox = number % 3 === 0 ? random.pick(all) : "INBOX";
    await peer.append(mailbox, flags.join(" "), sampleText(random, number));
  }
  for (const mailbox of ["INBOX", "Work", "Gr&APwA3w-e", "Lists/Two"])
    await peer.ok(`SUBSCRIBE "${mailbox}"`);
  await peer.ok(`SETACL Work ${other.name} lrs`);
  await peer.ok("SETACL Lists anyone lr");
  await peer.append("Work", "", sampleText(random, 0));
  await peer.append("Work", "", sampleText(random, 0));
  await other.peer.ok(`SELECT "Other Users/${name}/Work"`);
  await other.peer.ok("STORE 1 +FLAGS (\\Seen)");
  await other.peer.ok("UNSELECT");
  await peer.ok('SETMETADATA Work (/private/comment "mine" /shared/comment "for all")');
  await peer.ok("SELECT INBOX");
  await peer.ok('STORE 1:3 ANNOTATION (/comment (value.priv "note" value.shared "all"))');
  await peer.ok("UNSELECT");
  await admin.ok(`SETQUOTA user/${name} (STORAGE 500000 MESSAGE 100000)`);
}

/** One of every kind. */
export const EVERY_KIND: readonly (readonly string[])[] = [
  ["SELECT INBOX", "STORE 1 +FLAGS (\\Answered NewKw)"],
  ["SELECT INBOX", "STORE 2:5 FLAGS (\\Seen)"],
  ["SELECT INBOX", "COPY 1:4 Archive"],
  ["SELECT INBOX", "STORE 1 +FLAGS (\\Deleted)", "EXPUNGE"],
  ["SELECT INBOX", 'MOVE 1:2 "With blank"'],
  ["UNSELECT", "CREATE Two", "RENAME Two Three", "SUBSCRIBE Three"],
  ["RENAME Lists Listen"],
  ["CREATE A", "CREATE B", "RENAME A C", "RENAME B A", "RENAME C B"],
  ["UNSUBSCRIBE Work", "DELETE Three"],
  ["DELETE Work/Deep/Er", "CREATE Work/Deep/Er"],
  ['SETMETADATA Drafts (/private/comment "mine")', "SETMETADATA Work (/shared/comment NIL)"],
  ["SETACL Drafts anyone lrs", "DELETEACL Listen anyone"],
  ["SELECT INBOX", 'STORE 1 ANNOTATION (/comment (value.priv "other" value.shared NIL))', "UNSELECT"],
];

/** Random changes; every one is possible whatever came before. */
export class RandomChanges {
  readonly #user: WorkloadUser;
  readonly #random: SimRandom;
  readonly #mailboxes: string[];
  #next = 0;

  constructor(user: WorkloadUser, random: SimRandom) {
    this.#user = user;
    this.#random = random;
    this.#mailboxes = ["Archive", "Drafts", "Work"];
  }

  async run(count: number): Promise<void> {
    for (let done = 0; done < count; done++) await this.#one();
    await this.#user.peer.ok("SELECT INBOX");
    await this.#user.peer.ok("UNSELECT");
  }

  async #one(): Promise<void> {
    const random = this.#random;
    const { peer, admin, other, name } = this.#user;
    const mailbox = random.chance(0.5) ? "INBOX" : random.pick(this.#mailboxes);
    const kind = random.below(20);
    if (kind < 5) {
      const flags = [...FLAGS, ...KEYWORDS].filter(() => random.chance(0.2));
      await peer.append(mailbox, flags.join(" "), sampleText(random, ++this.#next + 100_000));
    } else if (kind < 14) await this.#messages(mailbox, kind);
    else if (kind === 14) {
      const made = `New ${++this.#next}`;
      await peer.ok(`CREATE "${made}"`);
      this.#mailboxes.push(made);
    } else if (kind === 15 && this.#mailboxes.length > 3) {
      const at = 3 + random.below(this.#mailboxes.length - 3);
      const [gone] = this.#mailboxes.splice(at, 1);
      await peer.ok(`DELETE "${gone}"`);
    } else if (kind === 16 && this.#mailboxes.length > 3) {
      const at = 3 + random.below(this.#mailboxes.length - 3);
      const moved = `Moved ${++this.#next}`;
      await peer.ok(`RENAME "${this.#mailboxes[at]}" "${moved}"`);
      this.#mailboxes[at] = moved;
    } else if (kind === 17) {
      await peer.ok(`${random.chance(0.5) ? "SUBSCRIBE" : "UNSUBSCRIBE"} "${mailbox}"`);
      await peer.ok(`SETMETADATA "${mailbox}" (/private/comment "c${random.below(10)}")`);
    } else if (kind === 18) {
      await peer.ok(`SETACL "${mailbox}" ${other.name} ${random.pick(["lrs", "lrsp", "lrswi"])}`);
      await admin.ok(`SETQUOTA user/${name} (STORAGE ${500_000 + random.below(1000)})`);
    } else {
      await other.peer.ok(`SELECT "Other Users/${name}/Work"`);
      await other.peer.ok(`STORE * ${random.chance(0.5) ? "+" : "-"}FLAGS (\\Seen)`);
      await other.peer.ok("UNSELECT");
    }
  }

  async #messages(mailbox: string, kind: number): Promise<void> {
    const random = this.#random;
    const { peer } = this.#user;
    const selected = await peer.ok(`SELECT "${mailbox}"`);
    const exists = selected.untagged.find((answer) => answer.name === "EXISTS")?.number ?? 0;
    if (exists === 0) return;
    const first = 1 + random.below(exists);
    const set = `${first}:${Math.min(exists, first + random.below(4))}`;
    const target = random.chance(0.5) ? "INBOX" : random.pick(this.#mailboxes);
    if (kind < 10) {
      const flags = [...FLAGS, ...KEYWORDS].filter(() => random.chance(0.3)).join(" ");
      await peer.ok(`STORE ${set} ${random.pick(["+", "-", ""])}FLAGS (${flags})`);
    } else if (kind === 10) await peer.ok(`COPY ${set} "${target}"`);
    else if (kind === 11) await peer.ok(`MOVE ${set} "${target}"`);
    else if (kind === 12) {
      await peer.ok(`STORE ${set} +FLAGS (\\Deleted)`);
      await peer.ok("EXPUNGE");
    } else {
      const value = random.chance(0.3) ? "NIL" : `"n${random.below(10)}"`;
      await peer.ok(`STORE ${first} ANNOTATION (/comment (value.priv ${value}))`);
    }
  }
}
