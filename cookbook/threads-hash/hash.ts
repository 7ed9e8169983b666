// What runs in the threads: a slow hash on purpose, as for passwords, that tells how far it is.
import { pbkdf2Sync } from "node:crypto";

/** What comes out while a password is stretched, and at the end. */
export type Step = { readonly percent: number } | { readonly hash: string };

/** Stretches a password in ten steps. */
export function* stretch(password: string, rounds: number): Generator<Step> {
  let key = Buffer.from(password);
  for (let step = 1; step <= 10; step++) {
    key = pbkdf2Sync(key, `salt ${step}`, Math.ceil(rounds / 10), 32, "sha256");
    yield { percent: 10 * step };
  }
  yield { hash: key.toString("hex") };
}
