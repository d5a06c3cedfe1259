/** Partitions that messages may be stored on. */
export const PARTITIONS: ReadonlySet<string> = new Set(["default"]);
