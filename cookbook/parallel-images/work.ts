// The same work in two places: on the thread of the program, and in threads beside it.
import type { Awaitable, Context } from "sluice";
import { asyncify, ThreadPool } from "sluice/threads";
import type { Filter, Picture } from "./pictures.js";
import * as pictures from "./pictures.js";

/** Where pictures are unpacked, filtered and packed. */
export interface Work {
  readonly decode: (file: Uint8Array, ctx: Context) => Awaitable<Picture>;
  readonly filter: (picture: Picture, name: Filter, ctx: Context) => Awaitable<Picture>;
  readonly encode: (picture: Picture, ctx: Context) => Awaitable<Uint8Array>;
  /** Starts what has to be started, so that nobody waits for it later. */
  readonly warmUp: (signal: AbortSignal) => Awaitable<void>;
}

/** On the thread that calls it, which does nothing else meanwhile. */
export const here: Work = {
  decode: (file) => pictures.decode(file),
  filter: (picture, name) => pictures.filter(picture, name),
  encode: (picture) => pictures.encode(picture),
  warmUp: () => pictures.warmUp(),
};

/** In threads. The context goes along as the last argument: its signal ends the thread. */
export function inThreads(threads: number): Work {
  const module = new URL("./pictures.js", import.meta.url);
  const options = { pool: new ThreadPool({ threads }) };
  const warmUp = asyncify<typeof pictures.warmUp>(module, "warmUp", options);
  return {
    decode: asyncify<typeof pictures.decode>(module, "decode", options),
    filter: asyncify<typeof pictures.filter>(module, "filter", options),
    encode: asyncify<typeof pictures.encode>(module, "encode", options),
    warmUp: async (signal) => {
      await Promise.all(Array.from({ length: threads }, () => warmUp({ signal })));
    },
  };
}
