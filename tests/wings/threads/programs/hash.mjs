// A worker module of a built program, as ES module.
import { createHash } from "node:crypto";

export const hash = (text) => createHash("sha256").update(text).digest("hex");
export function* count(to) {
  for (let n = 1; n <= to; n++) yield n;
}
