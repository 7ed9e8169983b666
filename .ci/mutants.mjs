// Whether the tests notice when the engine is wrong: 20 faults, each put into a copy of the sources, each of which has to
// fail a test: npm run test:mutants. With words as arguments it tries only the mutants whose names have one of them.
import { spawn } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));

/** Where a fault is, what it replaces, and the tests that are to notice it: all of them, if those do not. */
const mutants = [
  {
    name: "the first item that fails does not end its batch",
    file: "fan-out.ts",
    from: "return this.#outcome.failItem(last, worker);",
    to: "return { result: undefined };",
    tests: ["engine/fan-out.test.ts"],
  },
  {
    name: "a batch has one worker more than its concurrency",
    file: "fan-out.ts",
    from: "started < most && !this.#source.exhausted",
    to: "started <= most && !this.#source.exhausted",
    tests: ["engine/fan-out.test.ts"],
  },
  {
    name: "results come in the order in which items end",
    file: "fan-out.ts",
    from: "if (keepResults) this.#results[worker.index] = result;",
    to: "if (keepResults) this.#results.push(result);",
    tests: ["engine/fan-out.test.ts"],
  },
  {
    name: "an async iterator is pulled by one worker alone",
    file: "fan-out.ts",
    from: "if (more && this.#workers < this.#settings.concurrency) this.#startWorker();",
    to: "",
    tests: ["engine/fan-out.test.ts"],
  },
  {
    name: "a batch that fails leaves its iterator open",
    file: "source.ts",
    from: "    this.#stopped = true;\n    this.#close();\n  }",
    to: "    this.#stopped = true;\n  }",
    tests: ["engine/fan-out.test.ts"],
  },
  {
    name: "the index of an item counts from 1",
    file: "source.ts",
    from: "taker.index = this.#pulled++;",
    to: "taker.index = ++this.#pulled;",
    tests: ["engine/fan-out.test.ts"],
  },
  {
    name: "deliveries of a batch overlap",
    file: "deliveries.ts",
    from: "if (isThenable(work)) await work;",
    to: "if (isThenable(work)) work.then(() => {}, each.failed);",
    tests: ["engine/fan-out.test.ts", "graph/batch.test.ts", "graph/batch-flow.test.ts"],
  },
  {
    name: "a failed sibling's signal never fires",
    file: "batch-outcome.ts",
    from: 'cancellation.abort(new SluiceError("SIBLING_FAILED", message, { cause: error }), false);',
    to: "",
    tests: ["engine/fan-out.test.ts"],
  },
  {
    name: "a drained batch counts as complete",
    file: "batch-outcome.ts",
    from: "if (this.#undone || !isDone) cancellation.throwIfDraining();",
    to: "",
    tests: ["engine/drain.test.ts"],
  },
  {
    name: "there is one attempt more than was asked for",
    file: "attempts.ts",
    from: "number - first + 1 >= settings.attempts",
    to: "number - first >= settings.attempts",
    tests: ["engine/retry.test.ts", "engine/attempts.test.ts"],
  },
  {
    name: "retryIf is not asked",
    file: "attempts.ts",
    from: "if (!(await raced(settings.retryIf(error), scope.cancellation))) return undefined;",
    to: "",
    tests: ["engine/retry.test.ts", "engine/attempts.test.ts"],
  },
  {
    name: "what an error asks to wait is not believed",
    file: "attempts.ts",
    from: "return Math.max(wait, Math.min(named, LONGEST_NAMED_WAIT));",
    to: "return wait;",
    tests: ["engine/retry.test.ts", "engine/attempts.test.ts"],
  },
  {
    name: "backoff does not grow",
    file: "backoff.ts",
    from: "delay * factor ** number",
    to: "delay * factor",
    tests: ["engine/retry.test.ts", "engine/attempts.test.ts"],
  },
  {
    name: "a failure during a drain is tried again",
    file: "attempts.ts",
    from: "cancellation?.throwIfDraining(); // in a run that ends, a failure is neither retried nor decided",
    to: "",
    tests: ["engine/drain.test.ts", "engine/budget.test.ts"],
    also: [["    report(job, wait);\n    cancellation?.throwIfDraining();", "    report(job, wait);"]],
  },
  {
    name: "an empty action leads nowhere",
    file: "walk.ts",
    from: 'links.get(action || "default")',
    to: 'links.get(action ?? "default")',
    tests: ["engine/walk.test.ts"],
  },
  {
    name: "maxSteps lets one step more through",
    file: "walk.ts",
    from: "run.steps >= run.maxSteps",
    to: "run.steps > run.maxSteps",
    tests: ["engine/walk.test.ts"],
  },
  {
    name: "post is called with half an answer after an abort",
    file: "walk.ts",
    from: "    // Some SDKs end an aborted stream without an error, and half an answer is no answer.\n    this.#scope.cancellation?.throwIfAborted();\n",
    to: "",
    tests: ["engine/walk.test.ts"],
  },
  {
    name: "the walk yields between post and the next prep",
    file: "walk.ts",
    from: "      if (!this.#follow(value as Action)) return value;\n    }\n  }\n\n  /** The same for a watched run",
    to: "      if (!this.#follow(value as Action)) return value;\n      return this.#wait(Promise.resolve().then(() => this.#prepare()), PREPARED);\n    }\n  }\n\n  /** The same for a watched run",
    tests: ["engine/walk.test.ts"],
  },
  {
    name: "a budget of tokens admits what does not fit",
    file: "meter.ts",
    from: "this.#calls < this.#budget.calls && this.#tokens + tokens <= this.#budget.tokens",
    to: "this.#calls < this.#budget.calls && this.#tokens <= this.#budget.tokens",
    tests: ["engine/budget.test.ts"],
  },
  {
    name: "the run does not wait for the reader of a full stream",
    file: "stream.ts",
    from: "return this.#queue.length - this.#read >= this.#most;",
    to: "return false;",
    tests: ["engine/stream.test.ts"],
  },
];

const copy = mkdtempSync(join(tmpdir(), "sluice-mutants-"));
const at = (file) => join(copy, "src/engine", file);

/** Runs tests on the copy, without those that watch the clock; gives whether they pass, and what was printed. */
function passes(tests) {
  const projects = ["core", "timers"].map((name) => `--project=${name}`);
  const args = ["run", ...projects, "--bail=1", "--reporter=dot", ...tests.map((test) => `tests/${test}`)];
  return new Promise((resolve, reject) => {
    const { NODE_OPTIONS: _, ...env } = process.env;
    const vitest = spawn(process.execPath, [join(root, "node_modules/vitest/vitest.mjs"), ...args], {
      cwd: copy,
      env: { ...env, NO_COLOR: "1" },
      timeout: 300_000, // a mutant may hang, which a test's own timeout ends; or block, which this does
      killSignal: "SIGKILL",
    });
    let output = "";
    for (const stream of [vitest.stdout, vitest.stderr]) {
      stream.setEncoding("utf8").on("data", (text) => {
        output += text;
      });
    }
    vitest.once("error", reject).once("close", (code) => resolve({ passed: code === 0, output }));
  });
}

/** The source of a mutant. */
function mutated({ name, file, from, to, also = [] }) {
  let text = readFileSync(at(file), "utf8");
  for (const [before, after] of [[from, to], ...also]) {
    const parts = text.split(before);
    if (parts.length !== 2) {
      throw new Error(
        `"${name}": expected src/engine/${file} to have this once, it has it ${parts.length - 1} times: ${before}`,
      );
    }
    text = parts.join(after);
  }
  return text;
}

try {
  for (const entry of [
    "src",
    "tests",
    "site/pages.ts",
    "package.json",
    "tsconfig.json",
    "vitest.config.ts",
    "cli.config.ts",
  ]) {
    cpSync(join(root, entry), join(copy, entry), { recursive: true });
  }
  symlinkSync(join(root, "node_modules"), join(copy, "node_modules"), "junction");
  const words = process.argv.slice(2);
  const tried = mutants.filter(({ name }) => words.length === 0 || words.some((word) => name.includes(word)));
  for (const mutant of tried) mutated(mutant);

  const all = ["engine", "graph", "observe", "properties"];
  const without = [...new Set(tried.flatMap(({ tests }) => tests))];
  let sound = await passes(without);
  if (!sound.passed) sound = await passes(without); // a busy machine may have failed one
  if (!sound.passed) throw new Error(`The tests fail without a mutant:\n${sound.output}`);
  for (const mutant of tried) {
    const original = readFileSync(at(mutant.file), "utf8");
    const started = Date.now();
    writeFileSync(at(mutant.file), mutated(mutant));
    const result = await passes(mutant.tests);
    const survived = result.passed && (await passes(all)).passed;
    writeFileSync(at(mutant.file), original);
    const by = / FAIL .*?(tests\/.*)/.exec(result.output)?.[1] ?? "another test";
    console.log(
      `${survived ? "SURVIVED" : "caught  "} ${mutant.name} (${Math.round((Date.now() - started) / 1_000)} s${survived ? "" : `, ${by}`})`,
    );
    if (survived) process.exitCode = 1;
  }
} finally {
  rmSync(copy, { recursive: true, force: true });
}
