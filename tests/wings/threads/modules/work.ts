// Functions for threads, in TypeScript, with an import of its own.
import { pbkdf2Sync } from "node:crypto";
import { threadId } from "node:worker_threads";
import { move } from "sluice/threads";
import { twice } from "./twice.js";

export const hash = (text: string, rounds = 1_000): string =>
  pbkdf2Sync(text, "salt", rounds, 32, "sha256").toString("hex");

export const thread = (): number => threadId;
export const doubled = (n: number): number => twice(n);
export const later = async (text: string): Promise<string> => {
  await new Promise((resolve) => setTimeout(resolve, 5));
  return `late ${text}`;
};

export function spin(heartbeat?: SharedArrayBuffer): never {
  const beats = new Int32Array(heartbeat ?? new SharedArrayBuffer(4));
  for (;;) Atomics.add(beats, 0, 1);
}

export function burn(ms: number): number {
  const until = performance.now() + ms;
  let count = 0;
  while (performance.now() < until) count++;
  return count;
}

export class Refused extends Error {
  override name = "Refused";
  readonly status = 418;
  readonly detail = { tea: true };
  readonly callback = () => 0;
}
export function refuse(why: string): never {
  throw new Refused(why);
}
export function refuseAsText(why: string): never {
  throw why;
}

export const die = (code: number): never => process.exit(code);
export const dieLater = (): Promise<never> =>
  new Promise(() => {
    setTimeout(() => {
      throw new Error("stray");
    }, 1);
  });
export function eat(): number {
  const all: number[][] = [];
  for (;;) all.push(new Array(100_000).fill(all.length));
}

export const giveFunction = (): unknown => () => 1;
export const size = (bytes: Uint8Array): number => bytes.byteLength;
export const blank = (length: number): Uint8Array<ArrayBuffer> => move(new Uint8Array(length).fill(7));
export const record = (): { pixels: Uint8Array; width: number } => {
  const pixels = new Uint8Array(1_000);
  return move({ pixels, width: 10 }, [pixels.buffer]);
};

export function* count(to: number, produced?: SharedArrayBuffer): Generator<number, string> {
  const seen = new Int32Array(produced ?? new SharedArrayBuffer(8));
  try {
    for (let n = 1; n <= to; n++) {
      Atomics.store(seen, 0, n);
      yield n;
    }
    return "done";
  } finally {
    Atomics.store(seen, 1, 1);
  }
}
export async function* tick(times: number, ms: number): AsyncGenerator<number> {
  for (let n = 0; n < times; n++) {
    await new Promise((resolve) => setTimeout(resolve, ms));
    yield n;
  }
}
export function* stumble(after: number): Generator<number> {
  for (let n = 0; n < after; n++) yield n;
  throw new Refused("stumbled");
}
export function* yieldFunction(): Generator<unknown> {
  yield 1;
  yield () => 1;
}
export function* stuck(): Generator<number> {
  yield 1;
  spin();
}
export function* chunks(of: Uint8Array): Generator<Uint8Array<ArrayBuffer>> {
  for (const byte of of) yield move(new Uint8Array(2).fill(byte));
}

export const answer = 42;
export default (name: string): string => `hello ${name}`;
