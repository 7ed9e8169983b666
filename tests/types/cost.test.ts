// What the types cost a user: the work that a flow of 200 nodes makes for the compiler, beside a file that
// only imports sluice. Instantiations are counted, not timed, so the bound holds on any machine.
import { rm } from "node:fs/promises";
import { expect, onTestFinished, test } from "vitest";
import { type Compiler, compile, compilers, project } from "../support/compilers.js";

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

interface Cost {
  instantiations: number;
  seconds: number;
}

async function measure(compiler: Compiler, source: string): Promise<Cost> {
  const folder = await project({ "main.ts": source });
  onTestFinished(() => rm(folder, { recursive: true }));
  const told = await compile(compiler, folder, "--extendedDiagnostics");
  expect(told).not.toContain("error TS");
  const read = (label: string) => Number(new RegExp(`^${label}:\\s*([\\d.]+)`, "m").exec(told)?.[1]);
  return { instantiations: read("Instantiations"), seconds: read("Check time") };
}

test.for(Object.keys(compilers) as Compiler[])("200 nodes are cheap for TypeScript %s", async (compiler) => {
  const before = await measure(compiler, empty);
  const after = await measure(compiler, large);
  const each = (after.instantiations - before.instantiations) / NODES;
  process.stdout.write(
    `TypeScript ${compiler}: ${NODES} nodes make ${after.instantiations - before.instantiations} instantiations ` +
      `(${each.toFixed(0)} a node) and ${(after.seconds - before.seconds).toFixed(2)} s of checking\n`,
  );
  expect(before.instantiations).toBeGreaterThan(0);
  expect(each).toBeLessThan(250);
});
