/** Bounds of scripts and of their execution; a script that passes one is refused or stopped, and the mail is kept. */
export interface SieveLimits {
  readonly maxScriptBytes: number;
  readonly maxNesting: number;
  readonly maxStrings: number;
  /** Tests, actions and matched header values of one run. */
  readonly maxSteps: number;
  readonly maxActions: number;
  readonly maxRedirects: number;
  readonly maxVariableBytes: number;
  readonly maxVariables: number;
  readonly maxIncludes: number;
  readonly maxIncludeDepth: number;
}

export const defaultSieveLimits: SieveLimits = {
  maxScriptBytes: 1024 * 1024,
  maxNesting: 32,
  maxStrings: 50_000,
  maxSteps: 200_000,
  maxActions: 64,
  maxRedirects: 8,
  maxVariableBytes: 16 * 1024,
  maxVariables: 128,
  maxIncludes: 64,
  maxIncludeDepth: 10,
};
