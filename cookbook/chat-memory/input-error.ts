/** A mistake of the user's: the message says what was expected, what came and what to do. */
export class InputError extends Error {
  override name = "InputError";
}
