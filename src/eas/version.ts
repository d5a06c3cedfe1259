/** Protocol versions, as whole numbers so that they compare: 12.1 is 121. */
export type ProtocolVersion = 120 | 121 | 140 | 141 | 160 | 161;

export const PROTOCOL_VERSIONS: readonly ProtocolVersion[] = [120, 121, 140, 141, 160, 161];

/** "16.1" → 161; undefined for what is not spoken. */
export function parseVersion(text: string): ProtocolVersion | undefined {
  return PROTOCOL_VERSIONS.find((version) => printVersion(version) === text.trim());
}

export function printVersion(version: ProtocolVersion): string {
  return `${Math.floor(version / 10)}.${version % 10}`;
}
