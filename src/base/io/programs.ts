import type { Connection } from "./network.ts";

/** The only door to other programs. */
export interface Programs {
  /**
   * Starts a program without a shell: its standard input and output are the connection. When it ends badly, or cannot
   * be started, `onClose` gets an error with its last words.
   */
  start(file: string, args: readonly string[]): Connection;
}
