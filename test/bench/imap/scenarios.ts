import { bigScenarios } from "./big-scenarios.ts";
import { messageScenarios } from "./message-scenarios.ts";
import type { Scenario } from "./scenario.ts";
import { sessionScenarios } from "./session-scenarios.ts";
import { writeScenarios } from "./write-scenarios.ts";

/** In the order in which they run. */
export const scenarios: readonly Scenario[] = [
  ...writeScenarios,
  ...messageScenarios,
  ...bigScenarios,
  ...sessionScenarios,
];
