// The folder of the agent. No path leads out of it.
import { readdir, readFile, realpath, stat, writeFile } from "node:fs/promises";
import { isAbsolute, join, relative, resolve, sep } from "node:path";

/** A request that is refused, with the reason. */
export class Refusal extends Error {}

const MOST_LETTERS = 20_000;

/** Hidden files can have keys and git hooks; packages are not part of the project. */
const isForeign = (name: string) => name.startsWith(".") || name === "node_modules";

/** The files that `node --test` runs. */
const isTest = (path: string) => /(^|[\\/])test[\\/]|(^|[\\/.-])test\.[cm]?[jt]s$/.test(path);

/** A folder. It changes existing files only and follows no link that leads out. */
export class Workspace {
  private constructor(readonly root: string) {}

  /** Opens a folder by its real path, with which the real paths of files are compared. */
  static async open(folder: string): Promise<Workspace> {
    return new Workspace(await realpath(folder));
  }

  /** The files, without links. */
  async files(folder = ""): Promise<string[]> {
    const entries = await readdir(join(this.root, folder), { withFileTypes: true });
    const found: string[] = [];
    for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
      const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
      if (isForeign(entry.name)) continue;
      if (entry.isFile()) found.push(path);
      else if (entry.isDirectory()) found.push(...(await this.files(path)));
    }
    return found;
  }

  async read(path: string): Promise<string> {
    const content = await readFile(await this.#locate(path), "utf8");
    if (content.length > MOST_LETTERS) throw new Refusal(`"${path}" is too long: search in it.`);
    return content;
  }

  /** The lines with a text, each with its place. It takes no pattern, since a pattern can run without end. */
  async search(wanted: string): Promise<string> {
    const lines: string[] = [];
    for (const file of await this.files())
      for (const [at, line] of (await readFile(join(this.root, file), "utf8")).split("\n").entries())
        if (line.includes(wanted)) lines.push(`${file}:${at + 1}: ${line.trim()}`);
    return lines.slice(0, 50).join("\n") || "No line has it.";
  }

  /** Replaces a text that occurs once. */
  async replace(path: string, find: string, replacement: string): Promise<string> {
    const file = await this.#locate(path);
    if (isTest(relative(this.root, file))) throw new Refusal("Tests say what is wanted: change the code.");
    const content = await readFile(file, "utf8");
    const places = find === "" ? 0 : content.split(find).length - 1;
    if (places !== 1) throw new Refusal(`"${path}" has that text ${places} times; expected once.`);
    await writeFile(
      file,
      content.replace(find, () => replacement),
    );
    return "patched";
  }

  /** The real path of a file, if it is inside the folder. All access to files goes through here. */
  async #locate(path: string): Promise<string> {
    const asked = resolve(this.root, path);
    this.#check(asked, path); // before any access: the agent must not learn which files exist outside
    const real = await realpath(asked).catch(() => {
      throw new Refusal(`There is no file "${path}".`);
    });
    this.#check(real, path);
    if (!(await stat(real)).isFile()) throw new Refusal(`"${path}" is not a file.`);
    return real;
  }

  #check(absolute: string, path: string): void {
    const inside = relative(this.root, absolute);
    const leaves = inside === ".." || inside.startsWith(`..${sep}`) || isAbsolute(inside);
    if (leaves) throw new Refusal(`"${path}" is outside of the folder.`);
    if (inside.split(sep).some(isForeign)) throw new Refusal(`"${path}" is not part of the project.`);
  }
}
