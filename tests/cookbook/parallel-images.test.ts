// The recipe parallel-images: the same filter here and in a thread, which reads its TypeScript.
import type { Context } from "sluice";
import { asyncify } from "sluice/threads";
import { expect, test } from "vitest";
import { apply, paint } from "../../cookbook/parallel-images/filters.js";
import { isFull } from "../support/size.js";

test.runIf(isFull)("a picture filtered in a thread is the one filtered here", async () => {
  const inThread = asyncify<typeof apply>(
    new URL("../../cookbook/parallel-images/filters.js", import.meta.url),
    "apply",
  );
  const picture = paint(20, 10, (x, y) => [10 * x, 20 * y, 0]);
  const ctx = { signal: new AbortController().signal } as Context;
  expect(new Uint8Array(await inThread(picture, "blur", ctx))).toEqual(
    new Uint8Array(apply(picture, "blur")),
  );
});
