// The steps: list the pages, and what is done with one. Which one they learn from the params of the walk.
import { mkdir, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { dirname, join, sep } from "node:path";
import { type Context, Node } from "sluice";
import { InputError } from "./input-error.js";
import { leadsSomewhere, type Page, render, targetOf } from "./page.js";

/** What a walk is about. */
export interface Params {
  /** A path under the folder of pages. */
  readonly file: string;
}

/** The store. The walks take turns, so `page` is that of the walk that runs. */
export interface Shared {
  readonly folder: string;
  readonly out: string;
  files: readonly string[];
  page?: Page;
  /** Links that lead nowhere, by file. */
  readonly broken: Map<string, readonly string[]>;
  /** What became of each file. */
  readonly outcomes: Map<string, string>;
}

/** Creates the store of a run. */
export const createShared = (folder: string, out: string): Shared => ({
  folder,
  out,
  files: [],
  broken: new Map(),
  outcomes: new Map(),
});

/** Finds the pages of the folder, and of those in it. */
export class ListPages extends Node<Shared, string, string[]> {
  override prep({ folder }: Shared): string {
    return folder;
  }

  override async exec(folder: string): Promise<string[]> {
    const names = await readdir(folder, { recursive: true }).catch((error) => {
      throw new InputError(`Expected a folder, got "${folder}": ${error.message}. Correct the path.`);
    });
    const files = names.filter((name) => name.endsWith(".md")).map((name) => name.split(sep).join("/"));
    if (files.length > 0) return files.sort();
    throw new InputError(`Expected Markdown files in "${folder}", got none. Name a folder with *.md in it.`);
  }

  override post(shared: Shared, _folder: string, files: string[]): void {
    shared.files = files;
  }
}

/** Where a page is read and written. */
interface Paths {
  readonly from: string;
  readonly to: string;
}

const pathsOf = ({ folder, out }: Shared, { file }: Params): Paths => ({
  from: join(folder, file),
  to: join(out, targetOf(file)),
});

/** Finds out whether there is anything to do. */
export class Look extends Node<Shared, Paths, boolean> {
  override prep(shared: Shared, { params }: Context<Params>): Paths {
    return pathsOf(shared, params);
  }

  override async exec({ from, to }: Paths): Promise<boolean> {
    const [source, target] = await Promise.all([stat(from), stat(to).catch(() => undefined)]);
    return target !== undefined && target.mtimeMs >= source.mtimeMs;
  }

  override post(_shared: Shared, _paths: Paths, isFresh: boolean): "changed" | "unchanged" {
    return isFresh ? "unchanged" : "changed";
  }
}

/** Makes HTML of Markdown. */
export class Render extends Node<Shared, Paths, Page> {
  override prep(shared: Shared, { params }: Context<Params>): Paths {
    return pathsOf(shared, params);
  }

  override async exec({ from }: Paths, { signal }: Context): Promise<Page> {
    return render(await readFile(from, { encoding: "utf8", signal }));
  }

  override post(shared: Shared, _paths: Paths, page: Page): void {
    shared.page = page;
  }
}

/** Holds the links to other pages against the files that there are. A node needs no `exec` to choose an action. */
export class CheckLinks extends Node<Shared> {
  constructor() {
    super({ requires: ["page"] });
  }

  override post(shared: Shared, _nothing: unknown, _none: unknown, ctx: Context<Params>): "sound" | "broken" {
    const { file } = ctx.params;
    const links = shared.page?.links ?? [];
    const lost = links.filter((link) => !leadsSomewhere(link, file, shared.files));
    if (lost.length === 0) return "sound";
    shared.broken.set(file, lost);
    return "broken";
  }
}

/** What is written where. */
interface Writing extends Paths {
  readonly html: string;
}

/** Writes the page. */
export class WritePage extends Node<Shared, Writing> {
  constructor() {
    super({ requires: ["page"] });
  }

  override prep(shared: Shared, { params }: Context<Params>): Writing {
    return { ...pathsOf(shared, params), html: shared.page?.html ?? "" };
  }

  override async exec({ to, html }: Writing, { signal }: Context): Promise<void> {
    await mkdir(dirname(to), { recursive: true });
    await writeFile(to, html, { signal });
  }

  override post(): "written" {
    return "written";
  }
}
