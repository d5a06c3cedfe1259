/**
 * A disk in memory that can lose power, fill up and fail.
 *
 * Promises after `crash()`: bytes that a finished `sync` of their file covers are there; names that a finished
 * `syncFolder` of their folder covers are there. Everything else may be there in part: unsynced writes survive up to a
 * seeded point, the one there torn at a seeded byte, or only the new length survives and the bytes are zeros; unsynced
 * names survive up to a seeded point in the order they were made. A rename is atomic, as on journalling file systems.
 *
 * A crash is driven by the operation counter: every call that changes something is one operation, and the one whose
 * number is `crashAtOperation` throws SimulatedCrash before it has an effect (a write: after a part of it). From then
 * on every call throws, so that the code under test can do nothing more; `restart()` gives the disk after the crash.
 */
import type { Disk, DiskFile } from "../../src/base/io/disk.ts";
import { type Change, FileNode, FolderNode, settle, settleTree, usage } from "./sim-disk-nodes.ts";
import type { SimRandom } from "./sim-random.ts";

export class SimulatedCrash extends Error {
  override name = "SimulatedCrash";
}

export type FaultCode = "ENOSPC" | "EROFS" | "EIO" | "EDQUOT";

export interface TraceEntry {
  readonly operation: number;
  readonly kind: string;
  readonly path: string;
  readonly detail: string;
}

const BLOCK_BYTES = 4096;

export class SimDisk implements Disk {
  /** Number of the operation that crashes; undefined = none. */
  crashAtOperation: number | undefined;
  /** Called at the moment of the crash, before the exception leaves the disk. */
  onCrash: (() => void) | undefined;
  /** Bytes that fit on the disk; writes beyond it fail with ENOSPC, halfway like a real one. */
  capacityBytes = Number.POSITIVE_INFINITY;
  /** Set to make calls that change something fail: returns the error for this operation, or undefined. */
  fault: ((entry: TraceEntry) => FaultCode | undefined) | undefined;
  /** Changes the order of nothing, but lets a test prove that it notices: these syncs do nothing. */
  ignoredSyncs: { files: boolean; folders: boolean } = { files: false, folders: false };
  operations = 0;
  crashed = false;
  readonly trace: TraceEntry[] = [];
  readonly #random: SimRandom;
  readonly #root = new FolderNode();
  #order = 0;
  #generation = 0;

  constructor(random: SimRandom) {
    this.#random = random;
  }

  open(path: string, mode: "read" | "append" | "create"): DiskFile {
    this.#alive();
    const { folder, name } = this.#locate(path);
    const found = folder.names.get(name);
    if (found instanceof FolderNode) throw failure("EISDIR", "open", path);
    if (found !== undefined) {
      if (mode === "create") throw failure("EEXIST", "open", path);
      return this.#handle(found, path, mode !== "read");
    }
    if (mode === "read") throw failure("ENOENT", "open", path);
    this.#step("create", path, "");
    const node = new FileNode();
    this.#setName(folder, name, node);
    return this.#handle(node, path, true);
  }

  exists(path: string): boolean {
    this.#alive();
    return this.#find(path) !== undefined;
  }

  list(path: string): string[] {
    this.#alive();
    return [...this.#folder(path).names.keys()].toSorted();
  }

  makeFolder(path: string): void {
    this.#alive();
    let folder = this.#root;
    for (const name of parts(path)) {
      const found = folder.names.get(name);
      if (found instanceof FileNode) throw failure("ENOTDIR", "mkdir", path);
      if (found === undefined) {
        this.#step("mkdir", path, name);
        const made = new FolderNode();
        this.#setName(folder, name, made);
        folder = made;
      } else {
        folder = found;
      }
    }
  }

  rename(from: string, to: string): void {
    this.#alive();
    const source = this.#locate(from);
    const target = this.#locate(to);
    const node = source.folder.names.get(source.name);
    if (node === undefined) throw failure("ENOENT", "rename", from);
    this.#step("rename", from, to);
    this.#order += 1;
    const order = this.#order;
    const gone = { order, name: source.name, node: undefined };
    const come = { order, name: target.name, node };
    if (source.folder === target.folder) {
      source.folder.unsynced.push(gone, come);
    } else {
      source.folder.unsynced.push({ ...gone, twinFolder: target.folder });
      target.folder.unsynced.push({ ...come, twinFolder: source.folder });
    }
    source.folder.names.delete(source.name);
    target.folder.names.set(target.name, node);
  }

  remove(path: string): void {
    this.#alive();
    const { folder, name } = this.#locate(path);
    if (!(folder.names.get(name) instanceof FileNode)) throw failure("ENOENT", "unlink", path);
    this.#step("remove", path, "");
    this.#setName(folder, name, undefined);
  }

  syncFolder(path: string): void {
    this.#alive();
    const folder = this.#folder(path);
    this.#step("sync-folder", path, "");
    if (!this.ignoredSyncs.folders) settle(folder, Number.POSITIVE_INFINITY);
  }

  space(path: string): { freeBytes: number; totalBytes: number } {
    this.#alive();
    this.#find(path);
    return { freeBytes: Math.max(0, this.capacityBytes - this.usedBytes()), totalBytes: this.capacityBytes };
  }

  usedBytes(): number {
    return usage(this.#root);
  }

  /** Power off now, whatever `crashAtOperation` says. */
  crash(): void {
    if (this.crashed) return;
    this.crashed = true;
    this.onCrash?.();
  }

  /** The disk as it is after the power came back. Open files stay dead. */
  restart(): void {
    this.crashed = false;
    this.crashAtOperation = undefined;
    this.#generation += 1;
    const keepNamesUntil = this.#random.chance(0.5) ? 0 : this.#order - this.#random.below(4);
    settleTree(this.#root, keepNamesUntil);
    this.#loseBytes(this.#root);
  }

  /** Changes a byte of a file as a bad sector would, durably. */
  damage(path: string, offset: number): void {
    const node = this.#find(path);
    if (!(node instanceof FileNode) || offset >= node.current.size) throw failure("ENOENT", "damage", path);
    const bytes = Buffer.of((node.current.content()[offset] ?? 0) ^ 0x20);
    node.current.apply({ kind: "write", offset, bytes });
    node.durable.apply({ kind: "write", offset, bytes });
  }

  #handle(node: FileNode, path: string, writable: boolean): DiskFile {
    const generation = this.#generation;
    const alive = () => {
      this.#alive();
      if (generation !== this.#generation) throw new SimulatedCrash(`${path} was opened before the crash`);
    };
    return {
      read: (buffer, offset) => {
        alive();
        return node.current.size <= offset ? 0 : node.current.content().copy(buffer, 0, offset);
      },
      write: (buffers, offset) => {
        alive();
        if (!writable) throw failure("EBADF", "write", path);
        this.#write(node, path, Buffer.concat(buffers), offset);
      },
      size: () => {
        alive();
        return node.current.size;
      },
      truncate: (size) => {
        alive();
        this.#step("truncate", path, `${size}`);
        this.#change(node, { kind: "truncate", size });
      },
      sync: () => {
        alive();
        try {
          this.#step("sync", path, "");
        } catch (error) {
          // Linux reports a write-back error once and then calls the pages clean: what a failed sync did not cover, no
          // later one does. A crash is different: there the changes may still survive.
          if (!this.crashed) node.unsynced = [];
          throw error;
        }
        if (!this.ignoredSyncs.files) node.sync();
      },
      close: () => {
        // Closing after the crash is what every `finally` does; it must not hide the first exception.
      },
    };
  }

  #write(node: FileNode, path: string, bytes: Buffer, offset: number): void {
    try {
      this.#step("write", path, `${bytes.length} at ${offset}`);
    } catch (error) {
      // A write that fails or is cut by the crash has happened up to some byte.
      const done = this.#random.below(bytes.length + 1);
      this.#change(node, { kind: "write", offset, bytes: bytes.subarray(0, done) });
      throw error;
    }
    const room = this.capacityBytes - this.usedBytes();
    const grows = Math.max(0, offset + bytes.length - node.current.size);
    if (grows > room) {
      const fits = Math.max(0, bytes.length - (grows - Math.max(0, room)));
      this.#change(node, { kind: "write", offset, bytes: bytes.subarray(0, fits) });
      throw failure("ENOSPC", "write", path);
    }
    this.#change(node, { kind: "write", offset, bytes });
  }

  #change(node: FileNode, change: Change): void {
    if (change.kind === "write" && change.bytes.length === 0) return;
    // The caller may use its buffer again.
    const kept = change.kind === "write" ? { ...change, bytes: Buffer.from(change.bytes) } : change;
    node.current.apply(kept);
    node.unsynced.push(kept);
  }

  #step(kind: string, path: string, detail: string): void {
    this.operations += 1;
    const entry = { operation: this.operations, kind, path, detail };
    this.trace.push(entry);
    if (this.crashAtOperation === this.operations) {
      this.crash();
      throw new SimulatedCrash(`power off at operation ${entry.operation}: ${kind} ${path} ${detail}`);
    }
    const code = this.fault?.(entry);
    if (code !== undefined) throw failure(code, kind, path);
  }

  #alive(): void {
    if (this.crashed) throw new SimulatedCrash("the power is off");
  }

  #setName(folder: FolderNode, name: string, node: FileNode | FolderNode | undefined): void {
    this.#order += 1;
    folder.unsynced.push({ order: this.#order, name, node });
    if (node === undefined) folder.names.delete(name);
    else folder.names.set(name, node);
  }

  #find(path: string): FileNode | FolderNode | undefined {
    let node: FileNode | FolderNode | undefined = this.#root;
    for (const name of parts(path)) {
      if (!(node instanceof FolderNode)) return undefined;
      node = node.names.get(name);
    }
    return node;
  }

  #folder(path: string): FolderNode {
    const node = this.#find(path);
    if (!(node instanceof FolderNode)) throw failure("ENOENT", "folder", path);
    return node;
  }

  #locate(path: string): { folder: FolderNode; name: string } {
    const names = parts(path);
    const name = names.pop();
    if (name === undefined) throw failure("EINVAL", "path", path);
    return { folder: this.#folder(names.join("/")), name };
  }

  #loseBytes(folder: FolderNode): void {
    for (const node of folder.names.values()) {
      if (node instanceof FolderNode) this.#loseBytes(node);
      else if (node.unsynced.length > 0) this.#loseFile(node);
    }
  }

  #loseFile(node: FileNode): void {
    const changes = node.unsynced;
    const kept = this.#random.chance(0.25) ? 0 : this.#random.below(changes.length + 1);
    const survivors = changes.slice(0, kept);
    const torn = changes[kept];
    if (kept > 0 && torn?.kind === "write") {
      survivors.push({ ...torn, bytes: torn.bytes.subarray(0, this.#random.below(torn.bytes.length + 1)) });
    }
    const last = survivors.at(-1);
    if (last?.kind === "write" && this.#random.chance(0.25)) {
      // ext4 may have written the new length and a later block, but not an earlier one: zeros.
      survivors.push({
        ...last,
        bytes: Buffer.alloc(Math.min(BLOCK_BYTES, this.#random.below(last.bytes.length + 1))),
      });
    }
    node.restart(survivors);
  }
}

function parts(path: string): string[] {
  return path.split("/").filter((part) => part !== "" && part !== ".");
}

/** As node:fs throws it. */
function failure(code: string, syscall: string, path: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`${code}: ${syscall} '${path}'`), { code, syscall, path });
}
