/** All views: those somebody holds, and warm ones that wait for the next session, inside a bound of memory. */
import { assert } from "../base/assert.ts";
import { Lru } from "../base/lru.ts";
import { StoreError } from "./errors.ts";
import { mailboxFromRow, toMailbox, type KnownMailbox, type MailboxRow } from "./mailbox-row.ts";
import type { MailboxId } from "./model.ts";
import type { CommitDelta } from "./operations.ts";
import type { ReadIndex, Snapshots } from "./read-index.ts";
import { rowKey } from "./schema.ts";
import { TombstoneColumns } from "./tombstone-columns.ts";
import { View, type LoadedView, type ViewSources } from "./view.ts";
import { ViewColumns } from "./view-columns.ts";

/** Chunks decoded at a stretch: 8,192 records take about two milliseconds. */
const SLICE_CHUNKS = 128;
const MAX_WARM_VIEWS = 10_000;

interface Loading {
  readonly done: Promise<View>;
  /** Commits that came while it was loading. */
  readonly deltas: { delta: CommitDelta; mailbox: KnownMailbox }[];
}

export class Views {
  readonly #snapshots: Snapshots;
  readonly #sources: ViewSources;
  readonly #held = new Map<MailboxId, View>();
  readonly #warm: Lru<MailboxId, View>;
  readonly #loading = new Map<MailboxId, Loading>();
  readonly #reloading = new Map<MailboxId, Promise<void>>();
  /** Held views that a commit could not be shown in: nothing is added to them until they are loaded anew. */
  readonly #doubtful = new Set<MailboxId>();

  constructor(snapshots: Snapshots, sources: Omit<ViewSources, "onReleased">, warmBytes: number) {
    this.#snapshots = snapshots;
    this.#sources = { ...sources, onReleased: (view) => this.#released(view) };
    this.#warm = new Lru({
      maxEntries: MAX_WARM_VIEWS,
      maxSize: warmBytes,
      sizeOf: (view) => view.sizeBytes,
    });
  }

  get held(): number {
    return this.#held.size;
  }
  get warmBytes(): number {
    return this.#warm.size;
  }

  /** The view when it is in memory. */
  peek(id: MailboxId): View | undefined {
    return this.#held.get(id) ?? this.#warm.peek(id);
  }

  /** Whether commits of this mailbox must be told here. */
  follows(id: MailboxId): boolean {
    return this.peek(id) !== undefined || this.#loading.has(id);
  }

  /** @throws StoreError mailbox_not_found */
  async open(id: MailboxId): Promise<View> {
    const known = this.peek(id);
    if (known !== undefined) return this.#hold(known);
    let loading = this.#loading.get(id);
    if (loading === undefined) {
      const deltas: Loading["deltas"] = [];
      loading = { deltas, done: this.#start(id, deltas) };
      this.#loading.set(id, loading);
    }
    return this.#hold(await loading.done);
  }

  async #start(id: MailboxId, deltas: Loading["deltas"]): Promise<View> {
    try {
      let loaded = await this.#load(id);
      // What a later commit took out for good is not in its delta.
      while (deltas.some(({ delta }) => delta.reload && delta.numbers[0]! > loaded.mailbox.commit)) {
        loaded = await this.#load(id);
      }
      const view = new View(loaded, this.#sources);
      // A mailbox that went for good meanwhile is not kept.
      if (deltas.some(({ delta }) => delta.deleted)) throw notFound(id);
      for (const { delta, mailbox } of deltas) view.apply(delta, mailbox);
      // Warm until those who wait have it in hand.
      this.#held.set(id, view);
      return view;
    } finally {
      this.#loading.delete(id);
    }
  }

  #hold(view: View): View {
    view.holders++;
    if (view.holders === 1) {
      const { id } = view.mailbox;
      this.#held.set(id, view);
      this.#warm.delete(id);
    }
    return view;
  }

  #released(view: View): void {
    assert(view.holders > 0, `view of mailbox ${view.mailbox.id} was released once too often`);
    view.holders--;
    const { id } = view.mailbox;
    if (view.holders > 0 || this.#held.get(id) !== view) return;
    this.#held.delete(id);
    if (this.#doubtful.delete(id)) return;
    this.#warm.set(id, view);
  }

  /** Everything of one mailbox as of one commit, in slices between which others have their turn. */
  #load(id: MailboxId): Promise<LoadedView> {
    return this.#snapshots.use(async (index) => {
      const row = index.sql("SELECT * FROM mailboxes WHERE id = ?").get(id) as MailboxRow | undefined;
      if (row === undefined) throw notFound(id);
      const { statics, numbers } = mailboxFromRow(row);
      const columns = new ViewColumns(numbers.exists);
      const tombstones = new TombstoneColumns();
      for (let after = rowKey(id, 0) - 1; ;) {
        const last = addSlice(index, id, after, columns, tombstones);
        if (last === undefined) break;
        after = last;
        await new Promise((resolve) => {
          setImmediate(resolve);
        });
      }
      return { mailbox: toMailbox(statics, numbers), columns, tombstones };
    });
  }

  /** Shows a commit. The promise is of a view that has to be loaded anew. */
  apply(delta: CommitDelta, mailbox: KnownMailbox): Promise<void> | undefined {
    const { id } = delta;
    this.#loading.get(id)?.deltas.push({ delta, mailbox });
    const view = this.peek(id);
    if (view === undefined) return undefined;
    if (delta.deleted) {
      // Whoever holds it keeps the last state; nobody gets it again.
      view.apply(delta, mailbox);
      this.#held.delete(id);
      this.#warm.delete(id);
      this.#doubtful.delete(id);
      return undefined;
    }
    if (delta.statics !== undefined) view.forgetSeen();
    if (delta.reload && view.holders === 0) {
      this.#warm.delete(id);
      return undefined;
    }
    if (this.#doubtful.has(id)) return this.reload(id);
    const needsReload = delta.reload && delta.numbers[0]! > view.commit;
    view.apply(delta, mailbox);
    if (this.#warm.peek(id) === view) this.#warm.set(id, view);
    return needsReload ? this.#reload(id, view) : undefined;
  }

  /** Loads a view anew whose state is in doubt; a warm one goes. Rejects when the index cannot be read. */
  async reload(id: MailboxId): Promise<void> {
    this.#warm.delete(id);
    const view = this.#held.get(id);
    if (view === undefined) return;
    this.#doubtful.add(id);
    await this.#reload(id, view);
    this.#doubtful.delete(id);
  }

  async #reload(id: MailboxId, view: View): Promise<void> {
    const before = this.#reloading.get(id);
    const mine = (async () => {
      await before;
      const deltas: Loading["deltas"] = [];
      const loading = this.#loading.get(id);
      assert(loading === undefined, `mailbox ${id} is loaded twice`);
      this.#loading.set(id, { deltas, done: Promise.resolve(view) });
      try {
        view.replace(await this.#load(id));
        for (const { delta, mailbox } of deltas) view.apply(delta, mailbox);
      } catch (error) {
        // Deleted meanwhile: the view keeps its last state.
        if (!(error instanceof StoreError)) throw error;
      } finally {
        this.#loading.delete(id);
      }
    })();
    this.#reloading.set(id, mine);
    try {
      await mine;
    } finally {
      if (this.#reloading.get(id) === mine) this.#reloading.delete(id);
    }
  }
}

function notFound(id: MailboxId): StoreError {
  return new StoreError("mailbox_not_found", `mailbox ${id} does not exist`);
}

interface SliceRow {
  readonly key: number;
  readonly live: number;
  readonly dead: number;
  readonly hot: Buffer;
  readonly cold: Buffer;
}

/** Adds the next chunks after key `after`; returns the last key, undefined when there are no more. */
function addSlice(
  index: ReadIndex,
  id: MailboxId,
  after: number,
  columns: ViewColumns,
  tombstones: TombstoneColumns,
): number | undefined {
  const rows = index
    .sql(
      `SELECT h.key, h.live, h.dead, h.bytes AS hot, c.bytes AS cold FROM hot_chunks h
       JOIN cold_chunks c ON c.key = h.key WHERE h.key > ? AND h.key < ? ORDER BY h.key LIMIT ${SLICE_CHUNKS}`,
    )
    .all(after, rowKey(id + 1, 0)) as SliceRow[];
  for (const { hot, cold, live, dead } of rows) {
    columns.addChunk(hot, cold, live + dead, live, (uid, modseq) => tombstones.add(uid, modseq));
  }
  return rows.length < SLICE_CHUNKS ? undefined : rows.at(-1)!.key;
}
