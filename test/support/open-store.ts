/** Opens the store for tests that stand above it or crash it. */
export { openStore, type OpenStoreOptions } from "../../src/store/open.ts";
