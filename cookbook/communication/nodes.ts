// Four nodes that know nothing of each other: what one writes into the store another reads.
import { readFile } from "node:fs/promises";
import { type Context, Node } from "sluice";
import { InputError } from "./input-error.js";
import type { Count, Counted, InHand, Measured, Queue, Statistics } from "./store.js";

/** Takes the next text off the queue. */
export class TakeText<S extends Queue & InHand> extends Node<S, string | undefined, InHand["text"]> {
  override prep({ files }: S): string | undefined {
    return files[0];
  }

  override async exec(file: string | undefined, { signal }: Context): Promise<InHand["text"]> {
    if (file === undefined) return undefined;
    const content = await readFile(file, { encoding: "utf8", signal }).catch((error) => {
      throw new InputError(`Expected files of text, got "${file}": ${error.message}. Correct the path.`);
    });
    return { file, content };
  }

  override post(shared: S, _file: string | undefined, text: InHand["text"]): "taken" | "none left" {
    if (text === undefined) return "none left";
    shared.files.shift();
    shared.text = text;
    return "taken";
  }
}

const words = new Intl.Segmenter("en", { granularity: "word" });
const sentences = new Intl.Segmenter("en", { granularity: "sentence" });

/** Counts the text in hand. */
export class CountText<S extends InHand & Counted> extends Node<S, InHand["text"], Count> {
  constructor() {
    super({ requires: ["text"] });
  }

  override prep({ text }: S): InHand["text"] {
    return text;
  }

  override exec({ file, content } = { file: "", content: "" }): Count {
    const vocabulary = new Map<string, number>();
    for (const { segment, isWordLike } of words.segment(content)) {
      if (!isWordLike) continue;
      const word = segment.toLowerCase();
      vocabulary.set(word, (vocabulary.get(word) ?? 0) + 1);
    }
    const spoken = Array.from(sentences.segment(content)).filter(({ segment }) => /\p{L}/u.test(segment));
    const sum = [...vocabulary.values()].reduce((all, count) => all + count, 0);
    return { file, words: sum, sentences: spoken.length, vocabulary };
  }

  override post(shared: S, _text: InHand["text"], count: Count): void {
    shared.count = count;
  }
}

/** What {@link AddToStatistics} works on. */
interface Addition {
  readonly statistics: Statistics;
  readonly count: Count | undefined;
}

/** Adds the counts of one text to those of all before it. */
export class AddToStatistics<S extends Counted & Measured> extends Node<S, Addition, Statistics> {
  constructor() {
    super({ requires: ["count", "statistics"] });
  }

  override prep({ statistics, count }: S): Addition {
    return { statistics, count };
  }

  /** Makes new statistics of the old, which stay as they were: what failed midway has changed nothing. */
  override exec({ statistics, count }: Addition): Statistics {
    if (count === undefined) return statistics;
    const vocabulary = new Map(statistics.vocabulary);
    for (const [word, times] of count.vocabulary) vocabulary.set(word, (vocabulary.get(word) ?? 0) + times);
    // Welford's algorithm (1962): mean and variance without a second look at what came before.
    const texts = statistics.texts + 1;
    const difference = count.words - statistics.mean;
    const mean = statistics.mean + difference / texts;
    const squares = statistics.squares + difference * (count.words - mean);
    const longest = count.words > (statistics.longest?.words ?? -1) ? count : statistics.longest;
    const all = { texts, words: statistics.words + count.words, mean, squares, vocabulary };
    return longest === undefined ? all : { ...all, longest };
  }

  override post(shared: S, _addition: Addition, statistics: Statistics): void {
    shared.statistics = statistics;
  }
}

/** Shows what the others wrote; it writes nothing. */
export class Tell<S extends Counted & Measured> extends Node<S> {
  readonly #listener: (store: Readonly<S>) => void;

  constructor(listener: (store: Readonly<S>) => void) {
    super({ requires: ["count", "statistics"] });
    this.#listener = listener;
  }

  override post(shared: S): void {
    this.#listener(shared);
  }
}
