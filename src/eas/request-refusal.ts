import { AccountError } from "./account/port.ts";
import { BodyTooLarge } from "./exchange.ts";
import { EasRefusal } from "./status.ts";

/** Any error as the refusal that the device hears; `server_error` is a bug or a failure that nobody foresaw. */
export function toRefusal(error: unknown): EasRefusal {
  if (error instanceof EasRefusal) return error;
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof BodyTooLarge) {
    return new EasRefusal("attachment_too_large", message, { cause: error });
  }
  if (error instanceof AccountError) {
    if (error.code === "unavailable")
      return new EasRefusal("server_error_retry_later", message, { cause: error });
    if (error.code === "permission_denied") return new EasRefusal("access_denied", message, { cause: error });
    if (error.code === "over_quota")
      return new EasRefusal("mailbox_quota_exceeded", message, { cause: error });
  }
  if (error instanceof Error && "code" in error && error.code === "unavailable") {
    return new EasRefusal("server_error_retry_later", message, { cause: error });
  }
  return new EasRefusal("server_error", "internal error", { cause: error });
}
