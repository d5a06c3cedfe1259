/** The segment files: all there, long enough, and nothing else beside them. */
import { QUARANTINE } from "../../committer/segment-sweep.ts";
import { segmentPath } from "../../segment-record.ts";
import type { BodySourceOfCheck } from "./check-bodies.ts";
import { found, type Check } from "./finding.ts";

export function* checkFiles({ index, disk, folder }: BodySourceOfCheck): Check {
  const rows = index.sql("SELECT id, partition, size, active FROM segments").all() as {
    id: number;
    partition: string;
    size: number;
    active: number;
  }[];
  const known = new Set<string>();
  for (const { id, partition, size, active } of rows) {
    const path = segmentPath(folder, partition, id);
    known.add(path);
    // An empty one may have lost its file already.
    if (size === 0 || active === 2) continue;
    if (!disk.exists(path)) {
      yield found({ kind: "segment_missing", text: `segment file "${path}" is missing` });
      continue;
    }
    const file = disk.open(path, "read");
    const bytes = file.size();
    file.close();
    if (bytes < size) {
      yield found({
        kind: "segment_short",
        text: `segment file "${path}" has ${bytes} bytes instead of ${size}`,
      });
    }
  }
  const root = `${folder}/segments`;
  if (!disk.exists(root)) return;
  for (const partition of disk.list(root)) {
    let names: string[];
    try {
      names = disk.list(`${root}/${partition}`);
    } catch {
      yield found({ kind: "file_unknown", text: `"${root}/${partition}" does not belong to the store` });
      continue;
    }
    for (const name of names) {
      const path = `${root}/${partition}/${name}`;
      if (name === QUARANTINE) {
        for (const aside of disk.list(path)) {
          yield found({
            kind: "file_put_aside",
            text: `"${path}/${aside}" was put aside: nothing refers to it`,
          });
        }
      } else if (!known.has(path) && !wasMadeSince(index, partition, name)) {
        yield found({
          kind: "file_unknown",
          text: `"${path}" does not belong to the store; the next start puts it aside`,
        });
      }
    }
  }
}

/** A running node makes segments while it is checked. */
function wasMadeSince(index: BodySourceOfCheck["index"], partition: string, name: string): boolean {
  const id = Number.parseInt(name, 10);
  if (`${id}.seg` !== name) return false;
  return (
    index.sql("SELECT 1 FROM segments WHERE id = ? AND partition = ?").get(id, partition) !== undefined ||
    id > ((index.sql("SELECT seq FROM sqlite_sequence WHERE name = 'segments'").pluck().get() as number) ?? 0)
  );
}
