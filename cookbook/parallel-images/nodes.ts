// The three steps of one walk, as PocketFlow's recipe has them: load, apply, save, each through the store.
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Context, Node } from "sluice";
import type { Filter, Motif, Picture } from "./pictures.js";
import type { Work } from "./work.js";

/** What one walk is about: its params. */
export interface Task {
  readonly motif: Motif;
  readonly filter: Filter;
}

/** What the steps of a walk hand to each other, and what comes of it. */
export interface Shared {
  /** Where the pictures are, and where the filtered ones go. */
  readonly from: string;
  readonly to: string;
  picture?: Picture;
  filtered?: Picture;
  /** The names of the files that were written. */
  readonly files: string[];
}

/** The name of a file in `to`. */
export const fileOf = ({ motif, filter }: Task): string => `${motif}.${filter}.png`;

/** Reads a picture. */
export class LoadImage extends Node<Shared, string, Picture> {
  readonly #work: Work;

  constructor(work: Work) {
    super();
    this.#work = work;
  }

  override prep({ from }: Shared, { params }: Context<Task>): string {
    return join(from, `${params.motif}.png`);
  }

  override async exec(path: string, ctx: Context): Promise<Picture> {
    return await this.#work.decode(await readFile(path, { signal: ctx.signal }), ctx);
  }

  override post(shared: Shared, _path: string, picture: Picture): void {
    shared.picture = picture;
  }
}

/** Applies the filter of the walk to the picture in the store. */
export class ApplyFilter extends Node<Shared, { picture: Picture; filter: Filter }, Picture> {
  readonly #work: Work;

  constructor(work: Work) {
    super({ requires: ["picture"] });
    this.#work = work;
  }

  override prep({ picture }: Shared, { params }: Context<Task>) {
    return { picture: picture as Picture, filter: params.filter };
  }

  override exec({ picture, filter }: { picture: Picture; filter: Filter }, ctx: Context) {
    return this.#work.filter(picture, filter, ctx);
  }

  override post(shared: Shared, _input: unknown, filtered: Picture): void {
    shared.filtered = filtered;
  }
}

/** Writes the filtered picture under the name of the walk. */
export class SaveImage extends Node<Shared, { filtered: Picture; folder: string; file: string }, string> {
  readonly #work: Work;

  constructor(work: Work) {
    super({ requires: ["filtered"] });
    this.#work = work;
  }

  override async prep(shared: Shared, { params }: Context<Task>) {
    // While this waits, other walks go on. On a store that they share, `filtered` is theirs by the next line.
    await mkdir(shared.to, { recursive: true });
    return { filtered: shared.filtered as Picture, folder: shared.to, file: fileOf(params) };
  }

  override async exec(
    { filtered, folder, file }: { filtered: Picture; folder: string; file: string },
    ctx: Context,
  ): Promise<string> {
    await writeFile(join(folder, file), await this.#work.encode(filtered, ctx), { signal: ctx.signal });
    return file;
  }

  override post(shared: Shared, _input: unknown, file: string): void {
    shared.files.push(file);
  }
}
