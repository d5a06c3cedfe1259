/** A store on a simulated disk, its index database on a real one, that can lose power and be opened again. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { DiskStore } from "../../src/store/disk-store.ts";
import { openStore } from "../support/open-store.ts";
import { cutBetween, readDatabaseFiles, writeDatabaseFiles } from "./database-files.ts";
import type { DatabaseFiles } from "./database-files.ts";
import { SimClock } from "./sim-clock.ts";
import { SimDisk } from "./sim-disk.ts";
import { SimRandom } from "./sim-random.ts";

/** Small, so that segments fill up, empty and go. */
const SEGMENT_BYTES = 20_000;

export class SimulatedStore {
  readonly folder: string;
  readonly disk: SimDisk;
  readonly clock = new SimClock();
  readonly #random: SimRandom;
  #store: DiskStore | undefined;
  /** The database as the crash found it. */
  #atCrash: DatabaseFiles | undefined;

  constructor(seed: number) {
    this.folder = mkdtempSync(join(tmpdir(), "rookery-sim-"));
    this.#random = new SimRandom(seed);
    this.disk = new SimDisk(new SimRandom(seed ^ 0x5eed));
    this.disk.makeFolder(this.folder);
    for (let path = this.folder; path !== "/"; path = join(path, ".."))
      this.disk.syncFolder(join(path, ".."));
    this.disk.operations = 0;
    this.disk.onCrash = () => {
      this.#atCrash = this.files();
    };
  }

  get store(): DiskStore {
    if (this.#store === undefined) throw new Error("the store is not open");
    return this.#store;
  }

  get databasePath(): string {
    return join(this.folder, "index.sqlite");
  }

  files(): DatabaseFiles {
    return readDatabaseFiles(this.databasePath);
  }

  async open(): Promise<DiskStore> {
    const { folder, disk, clock } = this;
    this.#store = await openStore({
      folder,
      disk,
      clock,
      random: this.#random,
      inline: true,
      segmentBytes: SEGMENT_BYTES,
    });
    return this.#store;
  }

  /** Power off between two commits; `before` = the database before the step: its WAL is cut inside what came since. */
  crashInIndex(before: DatabaseFiles): void {
    this.disk.crash();
    if (this.#atCrash !== undefined) this.#atCrash = cutBetween(before, this.#atCrash, this.#random);
  }

  /** After a crash: what survived is put in place and opened. */
  async restart(): Promise<DiskStore> {
    const survived = this.#atCrash ?? this.files();
    this.#atCrash = undefined;
    // Lets go of its files; whatever it still writes goes nowhere, because the copies take their place.
    await this.#store?.close().catch(() => {});
    this.#store = undefined;
    writeDatabaseFiles(this.databasePath, survived);
    this.disk.restart();
    return await this.open();
  }

  async dispose(): Promise<void> {
    this.disk.crashAtOperation = undefined;
    await this.#store?.close().catch(() => {});
    rmSync(this.folder, { recursive: true, force: true });
  }
}
