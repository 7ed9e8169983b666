// What the types cost a user: the work that a flow of 200 nodes makes for the compiler, beside a file that
// only imports sluice. Instantiations are counted, not timed, so the bound holds on any machine.
import { rm } from "node:fs/promises";
import { expect, onTestFinished, test } from "vitest";
import { compileAll, compilersTried, configOf, folderForProjects } from "../support/compilers.js";
import { isFull } from "../support/size.js";

const NODES = 200;
const numbers = Array.from({ length: NODES }, (_, index) => index);

const empty = 'import { Flow } from "sluice";\nvoid Flow;\n';

/** A long chain of typed nodes: half classes, half inferred, each with two actions and a way back. */
const large = [
  'import { Flow, Node, node } from "sluice";',
  "interface Store { text: string; counts: number[] }",
  ...numbers.map((n) =>
    n % 2 === 0
      ? `class N${n} extends Node<Store, string, number> {
           override prep(store: Store) { return store.text; }
           override exec(text: string) { return text.length; }
           override post(store: Store, _text: string, count: number) {
             store.counts.push(count);
             return count > ${n} ? "on${n}" : "back${n}";
           }
         }
         const n${n} = new N${n}({ attempts: 3 });`
      : `const n${n} = node({
           prep: (store: Store) => store.text,
           exec: (text) => text.length,
           post(store, _text, count) {
             store.counts.push(count);
             return count > ${n} ? ("on${n}" as const) : ("back${n}" as const);
           },
         });`,
  ),
  ...numbers.map((n) =>
    n % 3 === 0
      ? `n${n}.branch({ on${n}: n${(n + 1) % NODES}, back${n}: null });`
      : `n${n}.on("on${n}", n${(n + 1) % NODES}).on("back${n}", n${Math.max(0, n - 5)}).next(n0);`,
  ),
  'void new Flow(n0).run({ text: "", counts: [] });',
].join("\n");

test.runIf(isFull).for(compilersTried(isFull))("200 nodes are cheap for TypeScript %s", async (compiler) => {
  const folder = await folderForProjects();
  onTestFinished(() => rm(folder, { recursive: true }));
  const projects = {
    before: { files: { "main.ts": empty }, config: configOf() },
    after: { files: { "main.ts": large }, config: configOf() },
  };
  const { output } = await compileAll(compiler, folder, projects, "--extendedDiagnostics");
  for (const text of Object.values(output)) expect(text).not.toContain("error TS");
  // The figures are about no file: those of each project in its turn, and then their sums.
  const read = (label: string) =>
    [...output.before.matchAll(new RegExp(`^${label}:\\s*([\\d.]+)`, "gm"))].map((match) => Number(match[1]));
  const [before = Number.NaN, after = Number.NaN, ...more] = read("Instantiations");
  const [secondsBefore = Number.NaN, secondsAfter = Number.NaN] = read("Check time");
  expect(more).toEqual([]);
  const each = (after - before) / NODES;
  process.stdout.write(
    `TypeScript ${compiler}: ${NODES} nodes make ${after - before} instantiations ` +
      `(${each.toFixed(0)} a node) and ${(secondsAfter - secondsBefore).toFixed(2)} s of checking\n`,
  );
  expect(before).toBeGreaterThan(0);
  expect(each).toBeLessThan(250);
});
