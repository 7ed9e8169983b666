// The folder that the agent works in, and that none of its paths can leave.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdir, readFile, realpath, stat, writeFile } from "node:fs/promises";
import { isAbsolute, join, relative, resolve, sep } from "node:path";
import { text } from "node:stream/consumers";

/** What the agent asked for is not done, and why: the model is told, and may ask for something else. */
export class Refusal extends Error {
  override name = "Refusal";
}

/** How a run of the tests went. */
export interface TestReport {
  readonly passed: number;
  readonly failed: number;
  readonly output: string;
}

const MOST_LETTERS = 20_000;

/** Hidden files hold keys and what git runs; packages are somebody else's. */
const isForeign = (name: string) => name.startsWith(".") || name === "node_modules";

/** What `node --test` takes for tests. */
const isTest = (path: string) => /(^|[\\/])test[\\/]|(^|[\\/.-])test\.[cm]?[jt]s$/.test(path);

/** A folder with its tools. It changes files, and neither makes nor follows links that lead out. */
export class Workspace {
  readonly #root: string;

  readonly #env: NodeJS.ProcessEnv;

  private constructor(root: string, env: NodeJS.ProcessEnv) {
    this.#root = root;
    this.#env = env;
  }

  /**
   * Opens a folder under its real name, so that the real names of its files can be compared with it.
   *
   * @param env - The environment of its tests: everything that they are to see of yours.
   */
  static async open(folder: string, env: NodeJS.ProcessEnv = {}): Promise<Workspace> {
    return new Workspace(await realpath(folder), env);
  }

  /** Lists the files, without links and what is not the project's own. */
  async files(folder = ""): Promise<string[]> {
    const entries = await readdir(join(this.#root, folder), { withFileTypes: true });
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

  /** Gives the lines that have a text, each with its place: a text and no pattern, for a pattern can take for ever. */
  async search(wanted: string): Promise<string> {
    const lines: string[] = [];
    for (const file of await this.files()) {
      const content = await readFile(await this.#locate(file), "utf8");
      for (const [at, line] of content.split("\n").entries()) {
        if (line.includes(wanted)) lines.push(`${file}:${at + 1}: ${line.trim()}`);
      }
    }
    return lines.slice(0, 50).join("\n") || "No line has it.";
  }

  /** Replaces the one place that has a text. Files are never made, so that nothing is written through a dead link. */
  async replace(path: string, find: string, replacement: string): Promise<void> {
    const file = await this.#locate(path);
    const content = await readFile(file, "utf8");
    if (isTest(relative(this.#root, file))) throw new Refusal("Tests say what is wanted: mend the code.");
    const places = find === "" ? 0 : content.split(find).length - 1;
    if (places !== 1) throw new Refusal(`"${path}" has that text ${places} times, and it should be once.`);
    await writeFile(
      file,
      content.replace(find, () => replacement),
    );
  }

  /** Runs the tests. They are a program, and can do what your user can: only your secrets are kept from them. */
  async test(signal: AbortSignal): Promise<TestReport> {
    const args = ["--test", "--test-reporter=tap"];
    // In a group of its own, for a test that spins hears no polite signal, and has a parent that waits for it.
    const runner = spawn(process.execPath, args, { cwd: this.#root, env: this.#env, detached: true });
    const kill = () => {
      try {
        process.kill(-(runner.pid ?? Number.NaN), "SIGKILL");
      } catch {
        runner.kill("SIGKILL"); // where there are no groups
      }
    };
    signal.addEventListener("abort", kill, { once: true });
    try {
      const [stdout, stderr, [code]] = await Promise.all([
        text(runner.stdout),
        text(runner.stderr),
        once(runner, "close"),
      ]);
      signal.throwIfAborted();
      const count = (what: string) => Number(new RegExp(`^# ${what} (\\d+)`, "m").exec(stdout)?.[1] ?? 0);
      const failed = count("fail") + count("cancelled");
      const output = `${stdout}${stderr}`.replaceAll(this.#root + sep, "").slice(-MOST_LETTERS);
      return { passed: count("pass"), failed: code === 0 ? failed : Math.max(1, failed), output };
    } finally {
      signal.removeEventListener("abort", kill);
    }
  }

  /** The one door to the file system: gives the real name of a file, if that is inside. */
  async #locate(path: string): Promise<string> {
    const asked = resolve(this.#root, path);
    this.#hold(asked, path); // before anything is looked at: what exists outside is no business of the agent's
    let real: string;
    try {
      real = await realpath(asked);
    } catch {
      throw new Refusal(`There is no file "${path}".`);
    }
    this.#hold(real, path);
    if (relative(this.#root, real).split(sep).some(isForeign)) throw new Refusal(`"${path}" is not for you.`);
    if (!(await stat(real)).isFile()) throw new Refusal(`"${path}" is no file.`);
    return real;
  }

  #hold(absolute: string, path: string): void {
    const inside = relative(this.#root, absolute);
    if (inside === "" || inside === ".." || inside.startsWith(`..${sep}`) || isAbsolute(inside)) {
      throw new Refusal(`"${path}" is outside of the folder.`);
    }
  }
}
