/** Out of office over ManageSieve (RFC 5804) of the server that has the mail, with the user's own password. */
import { type SieveClient, SieveFailure, SieveRefusal } from "../../../managesieve/client.ts";
import { AccountError } from "../port.ts";
import type { VacationScripts } from "../vacation-script.ts";
import { accountFailure } from "./failure.ts";
import type { RemoteUser } from "./remote-user.ts";

/** One connection for all that `work` asks. @throws AccountError permission_denied without ManageSieve, unavailable */
export async function withScripts<Result>(
  user: RemoteUser,
  work: (scripts: VacationScripts) => Promise<Result>,
): Promise<Result> {
  let client: SieveClient | undefined;
  try {
    client = await user.openScripts();
    if (client === undefined) {
      throw new AccountError(
        "permission_denied",
        "out-of-office answers of this account are set at its server",
      );
    }
    return await work(scriptsOf(client));
  } catch (error) {
    throw failure(error);
  } finally {
    client?.close();
  }
}

function scriptsOf(client: SieveClient): VacationScripts {
  return {
    extensions: client.extensions,
    list: () => client.listScripts(),
    find: (name) => client.findScript(name),
    put: (name, content) => client.putScript(name, content),
    setActive: (name) => client.setActive(name),
  };
}

function failure(error: unknown): unknown {
  if (error instanceof SieveFailure) {
    return new AccountError("unavailable", error.message, { cause: error });
  }
  if (error instanceof SieveRefusal) {
    // A password that IMAP takes and ManageSieve does not is no reason to ask the user for another one.
    const code = error.code.startsWith("TRYLATER") ? "unavailable" : "permission_denied";
    return new AccountError(code, error.message, { cause: error });
  }
  return accountFailure(error);
}
