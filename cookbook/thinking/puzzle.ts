// The puzzle and its rules: jugs without marks, any amount of water, and an amount to measure.
import { UsageError } from "../lib/main.js";

/** Jugs are called A, B, C, …; all of them are empty at first. */
export interface Puzzle {
  /** The capacity of each jug in litres. */
  readonly jugs: readonly number[];
  /** The litres to measure in one of them. */
  readonly target: number;
}

/** Reads a puzzle from numbers, of which the last is the target. @throws UsageError */
export function parsePuzzle(words: readonly string[]): Puzzle {
  const numbers = words.map(Number);
  const target = numbers.pop() ?? 0;
  const sound = words.every((word) => /^[1-9]\d?$/.test(word)) && numbers.length >= 2 && numbers.length <= 4;
  if (sound) return { jugs: numbers, target };
  throw new UsageError(
    `Expected the sizes of 2 to 4 jugs and then the litres to measure, each from 1 to 99, got "${words.join(" ")}". Write for example: 3 5 4.`,
  );
}

/** Puts the puzzle into words. */
export const puzzleText = ({ jugs, target }: Puzzle): string =>
  `There are ${jugs.length} empty jugs: ${jugs.map((size, at) => `${nameOf(at)} holds ${size} litres`).join(", ")}. ` +
  `Water is free. Measure exactly ${target} litres in one of them.`;

export const nameOf = (jug: number): string => String.fromCharCode(65 + jug);
const jugOf = (name: string | undefined) => (name ?? "").charCodeAt(0) - 65;

/** Does one move, such as "fill A", "empty B" or "pour A B". @throws An error that says what is wrong with it. */
export function move(litres: readonly number[], text: string, { jugs }: Puzzle): number[] {
  const [, verb, first, , second] = /^(fill|empty|pour) ([A-D])( ([A-D]))?$/.exec(text) ?? [];
  const [from, to] = [jugOf(first), jugOf(second)];
  const known = jugs[from] !== undefined && (verb === "pour") === (jugs[to] !== undefined) && from !== to;
  if (!known)
    throw new Error(`"${text}" is not a move: write "fill A", "empty A" or "pour A B" with jugs that exist`);
  const after = [...litres];
  const [size = 0, has = 0] = [jugs[from], litres[from]];
  const poured = verb === "pour" ? Math.min(has, (jugs[to] ?? 0) - (litres[to] ?? 0)) : 0;
  after[from] = verb === "fill" ? size : verb === "empty" ? 0 : has - poured;
  if (verb === "pour") after[to] = (litres[to] ?? 0) + poured;
  return after;
}

/** Returns what is wrong with an answer, or `undefined`. An empty list of moves claims that there is no solution. */
export function objectionTo(moves: readonly string[], puzzle: Puzzle): string | undefined {
  const { jugs, target } = puzzle;
  if (moves.length === 0) {
    const unit = jugs.reduce(divisor);
    const possible = target % unit === 0 && target <= Math.max(...jugs);
    return possible ? `It can be done: ${target} is a multiple of ${unit} and fits into a jug.` : undefined;
  }
  let litres: readonly number[] = jugs.map(() => 0);
  for (const [at, each] of moves.entries()) {
    try {
      litres = move(litres, each, puzzle);
    } catch (error) {
      return `Move ${at + 1}: ${(error as Error).message}.`;
    }
  }
  return litres.includes(target) ? undefined : `After these moves the jugs hold ${litres.join(", ")} litres.`;
}

/** The greatest common divisor: only its multiples can ever be in a jug. */
export const divisor = (a: number, b: number): number => (b === 0 ? a : divisor(b, a % b));
