/** Sieve scripts of a user as SIEVE lines speak of them; implemented over #sieve mailboxes by delivery. */
export interface UserScripts {
  list(user: string): Promise<readonly { name: string; guid: string; lastUpdate: number; active: boolean }[]>;
  get(user: string, name: string): Promise<Buffer | undefined>;
  put(user: string, name: string, content: Buffer, lastUpdate: number): Promise<void>;
  remove(user: string, name: string): Promise<void>;
  activate(user: string, name: string | undefined): Promise<void>;
}
