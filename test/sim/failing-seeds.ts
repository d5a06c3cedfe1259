/** Seeds that once showed a bug, with what broke. They run in every `npm test`, before the random ones. */
export const FAILING_SEEDS: readonly { readonly seed: number; readonly broke: string }[] = [];
