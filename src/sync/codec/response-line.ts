import { DlistWriter } from "./writer.ts";

/** One response line, `* …`, in pieces. */
export function responseLine(write: (writer: DlistWriter) => void): readonly Buffer[] {
  const writer = new DlistWriter("server");
  writer.raw("*");
  write(writer);
  return writer.line();
}
