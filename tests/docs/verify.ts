// The whole way of an example: read, compile, run. docs.test.ts sends the repository along it.
import type { Block } from "./blocks.js";
import { checkTypes } from "./check-types.js";
import { plan } from "./examples.js";
import { run } from "./run.js";

export interface Verification {
  /** `README.md:42` */
  readonly name: string;
  /** Whether nothing may run beside it: it replaces the clock of the process. */
  readonly isAlone: boolean;
  /** Rejects with the page, the line and what is wrong there. */
  verify(): Promise<void>;
}

/** Compiles all blocks at once; each example runs when it is verified. `limit` is in ms. */
export function verifications(
  blocks: readonly Block[],
  root: string,
  scratch: string,
  limit?: number,
): Verification[] {
  const examples = plan(blocks, root);
  const types = checkTypes(examples, root);
  return examples.map((example) => {
    const { name, file, mode, problem, code } = example;
    const verify = async () => {
      let problems = problem ? [problem] : (types.get(name) ?? []);
      if (problems.length === 0 && mode === "run") problems = await run(example, root, scratch, limit);
      if (problems.length === 0) return;
      const text = problems.map(({ line, message }) => `${file}:${line}: ${message}`).join("\n");
      const error = new Error(text, { cause: problems.find(({ cause }) => cause)?.cause });
      error.stack = `Error: ${text}\n    at ${root}/${file}:${problems[0]!.line}:1`;
      throw error;
    };
    return { name, isAlone: /\bvirtualTime\(/.test(code), verify };
  });
}
