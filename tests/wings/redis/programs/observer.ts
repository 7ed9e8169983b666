// Counts starts and ends of calls that other processes make, by what arrives on the loopback.
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const root = fileURLToPath(new URL("../../../..", import.meta.url));
/** In `node_modules`, so that git passes it by and packages are found. */
const program = `${root}node_modules/.cache/sluice-redis/caller.mjs`;

/** Builds the program that calls. */
export const buildCaller = () =>
  build({
    entryPoints: [`${root}tests/wings/redis/programs/caller.ts`],
    outfile: program,
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node20",
    tsconfig: `${root}tsconfig.json`,
    external: ["ioredis"],
    banner: {
      js: 'import { createRequire as requireOf } from "node:module"; const require = requireOf(import.meta.url);',
    },
    logLevel: "error",
  });

/** What has been seen. */
export class Observer {
  /** When each call began, in ms since the observer did. */
  readonly starts: number[] = [];
  /** The longest time between a start and its arrival here. */
  lag = 0;
  /** Calls in flight, of each caller that lives. */
  readonly running = new Map<number, number>();
  /** The most that were in flight at once. */
  most = 0;
  readonly port: number;
  readonly #callers: ChildProcess[] = [];
  /** Written by {@link open}. */
  #close = () => {};

  private constructor(port: number) {
    this.port = port;
  }

  static async open(): Promise<Observer> {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as { port: number };
    const observer = new Observer(port);
    let callers = 0;
    server.on("connection", (socket) => {
      const caller = callers++;
      observer.running.set(caller, 0);
      socket.on("error", () => {});
      socket.on("close", () => observer.running.delete(caller));
      createInterface(socket).on("line", (line) => observer.#note(caller, line));
    });
    observer.#close = () => server.close();
    return observer;
  }

  #note(caller: number, line: string): void {
    const [what, at] = line.split(" ");
    const running = (this.running.get(caller) ?? 0) + (what === "start" ? 1 : -1);
    this.running.set(caller, running);
    if (what !== "start") return;
    const now = performance.timeOrigin + performance.now();
    this.lag = Math.max(this.lag, now - Number(at));
    this.starts.push(performance.now());
    this.most = Math.max(this.most, this.inFlight);
  }

  get inFlight(): number {
    return [...this.running.values()].reduce((sum, each) => sum + each, 0);
  }

  /** Starts in some ms, up to now. */
  startsIn(ms: number): number {
    const since = performance.now() - ms;
    return this.starts.filter((at) => at >= since).length;
  }

  /** Starts a process that calls. */
  call(task: object): ChildProcess {
    const child = fork(program, [JSON.stringify({ ...task, observer: this.port })], { stdio: "inherit" });
    this.#callers.push(child);
    return child;
  }

  /** Kills all callers. */
  async close(): Promise<void> {
    for (const child of this.#callers) child.kill("SIGKILL");
    this.#close();
  }
}
