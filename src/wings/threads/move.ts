// Results that leave their thread without a copy; thread.cjs reads the marks.
import { builtInOf, MOVES, SluiceError, show } from "sluice/internal";

/** The map belongs to the thread: its two builds of sluice, and thread.cjs, share it. */
function moves(): WeakMap<object, readonly object[]> {
  const home = globalThis as { [MOVES]?: WeakMap<object, readonly object[]> };
  home[MOVES] ??= new WeakMap();
  return home[MOVES];
}

/**
 * Marks a value that a function returns or yields in a thread to be moved instead of copied.
 *
 * It does nothing on the main thread, so that the function may be called there too.
 *
 * @param transfer - The buffers and ports in `value` to move; the thread cannot use them afterwards.
 * @default the buffer of `value`, if that is a buffer or a view of one
 * @returns `value` itself.
 * @throws SluiceError `INVALID_OPTION` for a value that is not a buffer or a view, if `transfer` is omitted.
 * @example
 * ```ts
 * import { move } from "sluice/threads";
 *
 * // In the module whose function runs in a thread:
 * export const blank = (pixels: number) => move(new Uint8Array(4 * pixels));
 *
 * blank(2).length; // => 8
 * ```
 */
export function move<T extends object>(
  value: T,
  transfer: readonly object[] | undefined = bufferOf(value),
): T {
  if (transfer === undefined) {
    throw new SluiceError(
      "INVALID_OPTION",
      `move(): expected a buffer or a view of one, got ${show(value)}; name the buffers in it: move(value, [value.pixels.buffer])`,
    );
  }
  moves().set(value, transfer);
  return value;
}

const isArrayBuffer = (value: unknown): value is ArrayBuffer => builtInOf(value) === "ArrayBuffer";

function bufferOf(value: unknown): readonly object[] | undefined {
  if (isArrayBuffer(value)) return [value];
  return ArrayBuffer.isView(value) ? [value.buffer] : undefined;
}
