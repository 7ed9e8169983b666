// The case of a debate: a motion, and numbered facts that both sides may use.
import { UsageError } from "../lib/main.js";

/** A motion and its facts. */
export interface Case {
  readonly motion: string;
  readonly facts: readonly string[];
}

/** An invented town with invented facts. */
export const SAMPLE = `
Weirford should make its buses free of charge
- A trial on two lines brought 38 % more passengers in six months.
- Without tickets to sell, buses on the trial lines were 6 minutes faster from end to end.
- Ticket machines and inspectors take 0.9 million a year, which would be saved.
- Fares bring in 4.2 of the 11 million that the buses need, and the town would lose them.
- At peak hours the trial buses were overcrowded, and 12 % of the passengers were left at the stop.
- Free rides would help people on early shifts, who spend 5 % of their pay on fares.
- Only 7 % of the new passengers had come by car before; the others had walked or cycled.
- Accidents at bus stops were fewer during the trial, 3 instead of 8.
- The depot is short of 14 drivers, so that more passengers mean longer delays.
`;

/** Reads a motion from the first line, and facts from the lines that begin with a dash. @throws UsageError */
export function parseCase(text: string, rounds: number): Case {
  const [motion = "", ...lines] = text.trim().split(/\s*\n\s*/);
  const facts = lines.flatMap((line) => (line.startsWith("- ") ? [line.slice(2).trim()] : []));
  if (motion === "" || motion.startsWith("- ")) {
    throw new UsageError(`Expected the motion in the first line, got "${motion}". Write facts below it.`);
  }
  if (facts.length < rounds) {
    throw new UsageError(
      `Expected at least ${rounds} facts, one for each round, got ${facts.length}. Write each as a line that begins with "- ", or lower --rounds.`,
    );
  }
  return { motion, facts };
}
