/** Scripts of the operator that users' scripts include with :global (RFC 6609 §3.2): `NAME.sieve` in one folder. */
import { join } from "node:path";
import type { Disk } from "../base/io/disk.ts";
import { readSmallFile } from "../base/io/small-file.ts";

/** One level, and nothing that leads out of the folder. */
const NAME = /^[^/\\\p{Cc}.][^/\\\p{Cc}]{0,127}$/u;

export class GlobalScripts {
  readonly #disk: Disk;
  readonly #folder: string | undefined;

  /** @param folder undefined = there are none */
  constructor(disk: Disk, folder: string | undefined) {
    this.#disk = disk;
    this.#folder = folder;
  }

  /** Read anew each time, so that an operator's change counts at once. Undefined when it is not there or not readable. */
  find(name: string): string | undefined {
    if (this.#folder === undefined || !NAME.test(name)) return undefined;
    try {
      return readSmallFile(this.#disk, join(this.#folder, `${name}.sieve`));
    } catch {
      return undefined;
    }
  }
}
