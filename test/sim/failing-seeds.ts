/** Seeds that once showed a bug, with what broke. They run in every `npm test`, before the random ones. */
export const FAILING_SEEDS: readonly { readonly seed: number; readonly broke: string }[] = [
  { seed: 38, broke: "compaction waited for ever for a segment that was not open after a failed batch" },
  {
    seed: 472,
    broke: "a body that compaction had moved into a segment filled by the same batch could not be read",
  },
];
