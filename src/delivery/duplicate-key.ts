/**
 * What makes two deliveries one: the same Message-ID for the same recipient into the same folder (by its unique id, so
 * that a rename does not matter). NUL cannot stand in any of the three.
 */
export function duplicateKey(messageId: string, userId: string, mailboxUniqueId: string): string {
  return `${messageId}\0${userId}\0${mailboxUniqueId}`;
}
