// Executes the first open step of the plan: it divides, pours, and as a last resort searches.
import { divisor, move, nameOf, type Puzzle } from "../thinking/puzzle.js";
import type { Answer } from "./serve.js";

interface Step {
  readonly step: string;
  readonly status: "open" | "done" | "dropped";
  readonly result: string;
}
interface Thought {
  readonly thinking: string;
  readonly plan: readonly Step[];
  readonly answer: readonly string[] | null;
}

export const answer: Answer = ({ messages }) => ({ json: think(messages[0]?.text ?? "") });

const POSSIBLE = "Find out whether it can be done at all";
const COMPARE = "Compare what was found and answer with the fewest moves";
const SEARCH = "Search through everything that the jugs can hold";
const way = (from: number, to: number) => `Keep filling ${nameOf(from)} and pouring it into ${nameOf(to)}`;

/** Makes a plan if there is none; otherwise executes its first open step, and revises the others by the result. */
function think(prompt: string): Thought {
  const puzzle = readPuzzle(prompt);
  const plan = JSON.parse(prompt.split("\n\n")[2] ?? "[]") as Step[];
  if (plan.length === 0) {
    const steps = [POSSIBLE, way(0, 1), way(1, 0), COMPARE];
    const open = steps.map((step) => ({ step, status: "open" as const, result: "" }));
    return {
      thinking: "Pouring one jug into the other again and again leaves rests.",
      plan: open,
      answer: null,
    };
  }
  const at = plan.findIndex(({ status }) => status === "open");
  const { step } = plan[at] ?? { step: "" };
  const done = (result: string) => at >= 0 && plan.splice(at, 1, { step, status: "done", result });
  if (step === POSSIBLE) return possible(puzzle, plan, done);
  const [, from, to] = /^Keep filling ([A-D]) and pouring it into ([A-D])$/.exec(step) ?? [];
  if (from && to) return pour(puzzle, plan, done, from, to);
  if (step === SEARCH) {
    const found = search(puzzle);
    done(found.join(", "));
    return { thinking: `Looked at all that up to ${found.length} moves can lead to.`, plan, answer: null };
  }
  const best = plan
    .filter(({ step, status }) => /^(Keep|Search)/.test(step) && status === "done")
    .map(({ result }) => result.split(", "))
    .filter(([first]) => first?.startsWith("fill"))
    .reduce((best, each) => (best.length === 0 || each.length < best.length ? each : best), []);
  done(`${best.length} moves`);
  return { thinking: `The shortest that was found has ${best.length} moves.`, plan, answer: best };
}

type Done = (result: string) => unknown;

function possible({ jugs, target }: Puzzle, plan: Step[], done: Done): Thought {
  const unit = jugs.reduce(divisor);
  const largest = Math.max(...jugs);
  if (target % unit === 0 && target <= largest) {
    done(`Yes: ${target} is a multiple of ${unit}, and not over ${largest}`);
    return {
      thinking: `All amounts are multiples of ${unit}, the greatest common divisor.`,
      plan,
      answer: null,
    };
  }
  done(target > largest ? `No: the largest jug holds ${largest}` : `No: ${target} is no multiple of ${unit}`);
  for (const [at, each] of plan.entries()) {
    if (each.status === "open") plan[at] = { ...each, status: "dropped", result: "It cannot be done" };
  }
  return { thinking: "What cannot be done needs no moves.", plan, answer: [] };
}

/** Pours until the target is reached, or a state repeats; then the plan needs a search. */
function pour(puzzle: Puzzle, plan: Step[], done: Done, from: string, to: string): Thought {
  const [source, sink] = [from.charCodeAt(0) - 65, to.charCodeAt(0) - 65];
  const moves: string[] = [];
  const seen = new Set<string>();
  let litres = puzzle.jugs.map(() => 0);
  while (!litres.includes(puzzle.target) && !seen.has(litres.join())) {
    seen.add(litres.join());
    const full = litres[sink] === puzzle.jugs[sink];
    moves.push(litres[source] === 0 ? `fill ${from}` : full ? `empty ${to}` : `pour ${from} ${to}`);
    litres = move(litres, moves.at(-1) ?? "", puzzle);
  }
  if (litres.includes(puzzle.target)) {
    done(moves.join(", "));
    return {
      thinking: `That comes to ${puzzle.target} litres in ${moves.length} moves.`,
      plan,
      answer: null,
    };
  }
  done("Begins anew without coming to it");
  if (!plan.some(({ step }) => step === SEARCH)) {
    plan.splice(
      plan.findIndex(({ step }) => step === COMPARE),
      0,
      { step: SEARCH, status: "open", result: "" },
    );
  }
  return { thinking: "These two alone are not enough: the plan needs a search.", plan, answer: null };
}

/** Breadth first, so that the first solution is a shortest one. */
function search(puzzle: Puzzle): string[] {
  const names = puzzle.jugs.map((_, at) => nameOf(at));
  const pours = names.flatMap((a) => names.flatMap((b) => (a === b ? [] : [`pour ${a} ${b}`])));
  const all = [...names.flatMap((name) => [`fill ${name}`, `empty ${name}`]), ...pours];
  const start = puzzle.jugs.map(() => 0);
  const ways = new Map([[start.join(), { litres: start, moves: [] as string[] }]]);
  for (const { litres, moves } of ways.values()) {
    if (litres.includes(puzzle.target)) return moves;
    if (ways.size > 100_000) break; // patience has an end, and then it is wrong
    for (const each of all) {
      const after = move(litres, each, puzzle);
      if (!ways.has(after.join())) ways.set(after.join(), { litres: after, moves: [...moves, each] });
    }
  }
  return [];
}

function readPuzzle(prompt: string): Puzzle {
  const jugs = [...prompt.matchAll(/[A-D] holds (\d+) litres/g)].map(([, size]) => Number(size));
  return { jugs, target: Number(/exactly (\d+) litres/.exec(prompt)?.[1]) };
}
