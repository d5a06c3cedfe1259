/** Files and folders of the disk in memory: what reads see, what syncs cover, and the changes between. */

export type Change =
  | { readonly kind: "write"; readonly offset: number; readonly bytes: Buffer }
  | { readonly kind: "truncate"; readonly size: number };

/** Bytes of a file; grows by doubling. */
class Image {
  #data = Buffer.alloc(0);
  size = 0;

  apply(change: Change): void {
    const end = change.kind === "write" ? change.offset + change.bytes.length : change.size;
    if (end > this.#data.length) {
      const grown = Buffer.alloc(Math.max(end, this.#data.length * 2));
      this.#data.copy(grown, 0, 0, this.size);
      this.#data = grown;
    }
    if (change.kind === "write") {
      change.bytes.copy(this.#data, change.offset);
      this.size = Math.max(this.size, end);
    } else {
      if (end < this.size) this.#data.fill(0, end, this.size);
      this.size = end;
    }
  }

  content(): Buffer {
    return this.#data.subarray(0, this.size);
  }
}

export class FileNode {
  /** What reads see. */
  current = new Image();
  /** What finished syncs cover. */
  durable = new Image();
  unsynced: Change[] = [];

  sync(): void {
    for (const change of this.unsynced) this.durable.apply(change);
    this.unsynced = [];
  }

  /** After a crash: `durable` and these changes are all there is. */
  restart(survivors: readonly Change[]): void {
    for (const change of survivors) this.durable.apply(change);
    this.current = new Image();
    this.current.apply({ kind: "write", offset: 0, bytes: this.durable.content() });
    this.unsynced = [];
  }
}

interface NameChange {
  readonly order: number;
  readonly name: string;
  /** undefined = the name goes away. */
  readonly node: FileNode | FolderNode | undefined;
  /** The other half of a rename, which becomes durable with this one. */
  readonly twinFolder?: FolderNode;
}

export class FolderNode {
  names = new Map<string, FileNode | FolderNode>();
  durable = new Map<string, FileNode | FolderNode>();
  unsynced: NameChange[] = [];
}

/** Makes name changes up to `order` durable, and with them what a journal wrote before them in a rename's other folder. */
export function settle(folder: FolderNode, order: number): void {
  const done = folder.unsynced.filter((change) => change.order <= order);
  folder.unsynced = folder.unsynced.filter((change) => change.order > order);
  for (const change of done) {
    if (change.node === undefined) folder.durable.delete(change.name);
    else folder.durable.set(change.name, change.node);
  }
  for (const change of done) if (change.twinFolder !== undefined) settle(change.twinFolder, change.order);
}

export function settleTree(folder: FolderNode, order: number): void {
  settle(folder, order);
  folder.unsynced = [];
  folder.names = new Map(folder.durable);
  for (const node of folder.names.values()) if (node instanceof FolderNode) settleTree(node, order);
}

export function usage(folder: FolderNode): number {
  let bytes = 0;
  for (const node of folder.names.values())
    bytes += node instanceof FolderNode ? usage(node) : node.current.size;
  return bytes;
}
