import { chmodSync, existsSync, mkdirSync } from "node:fs";

export function makeDataFolder(dataFolder: string): void {
  if (existsSync(dataFolder)) return;
  mkdirSync(dataFolder, { recursive: true });
  // Mail and password hashes: whatever the umask says, nobody else reads them.
  chmodSync(dataFolder, 0o700);
}
