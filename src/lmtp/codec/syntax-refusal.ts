/** The client's line is not what the grammar allows: 501 5.5.4 with the message as text. */
export class SyntaxRefusal extends Error {
  override name = "SyntaxRefusal";
}
