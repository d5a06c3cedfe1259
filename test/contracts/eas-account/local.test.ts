import { describe } from "node:test";
import { EasTrial } from "../../support/eas-trial.ts";
import { accountContract } from "./contract.ts";

describe("Account contract: the store of this node", () => {
  accountContract(async () => {
    const trial = await EasTrial.open();
    return { open: () => Promise.resolve(trial.account()), close: () => trial.close() };
  });
});
