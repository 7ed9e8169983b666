// The questions of one run: asked in `exec`, answered from any process at any time.
import { randomBytes } from "node:crypto";
import { type AskOptions, SluiceError } from "sluice";
import { fitting, jsonSchemaOf, quote, type Run, type StepContext, showPath } from "sluice/internal";
import { decode, encode, notSerializable, problemOf } from "../shared/plain-data.js";
import type { JournalDriver, QuestionRow } from "./driver.js";
import { isUnder } from "./keys.js";
import type { WriteQueue } from "./write-queue.js";

/** A question in a `SUSPENDED` error. */
export interface OpenQuestion {
  /** The token for `journal.answer(token, answer)`. */
  readonly token: string;
  readonly question: unknown;
  /** The JSON Schema of its answer, if the schema of `ask` has one, as those of zod 4 do. */
  readonly schema: unknown;
  /** Names from the outermost flow to the node. */
  readonly path: readonly (string | number)[];
  /** The index of the item or of the nearest iteration. */
  readonly index: number | undefined;
}

/** The maximum of questions in a `SUSPENDED` error. */
const MOST_LISTED = 100;

/** The error of a run that waits for people. */
export class SuspendedError extends SluiceError {
  /** The open questions, up to 100 of them. */
  readonly questions: readonly OpenQuestion[];
  /** The number of open questions. */
  readonly count: number;

  constructor(run: string, questions: readonly QuestionRow[]) {
    super(
      "SUSPENDED",
      `The run ${quote(run)} waits for ${questions.length === 1 ? "an answer" : `${questions.length} answers`}; answer with journal.answer(token, answer), and run it again`,
    );
    this.count = questions.length;
    this.questions = questions.slice(0, MOST_LISTED).map(openQuestion);
  }
}

export const openQuestion = ({ token, question, schema, path, index }: QuestionRow): OpenQuestion => ({
  token,
  question: decode(question),
  schema: schema == null ? undefined : (JSON.parse(schema) as unknown),
  path: JSON.parse(path) as (string | number)[],
  index: index ?? undefined,
});

const nameOf = (key: string, nth: number): string => `${key}\n${nth}`;

/** The questions of one run. */
export class Questions {
  readonly #driver: JournalDriver;
  readonly #run: Run;
  readonly #queue: WriteQueue;
  /** By the key of the call and the number of the question in it. */
  readonly #asked = new Map<string, QuestionRow>();
  /** The number of questions of each call so far. */
  readonly #counts = new WeakMap<StepContext, number>();
  /** Questions that had expired when they were asked again. */
  readonly #over = new Set<string>();
  /** Marks work that waits for a person. */
  readonly aside = new SetAside();

  constructor(driver: JournalDriver, run: Run, queue: WriteQueue) {
    this.#driver = driver;
    this.#run = run;
    this.#queue = queue;
  }

  /** Loads the questions and answers so far. */
  async load(): Promise<void> {
    this.#asked.clear();
    for (const row of await this.#driver.questions(this.#run.id)) {
      this.#asked.set(nameOf(row.key, row.nth), row);
      // Only an answer after this prevents the suspension of the run.
      if (row.answer !== null) this.#queue.add({ take: row.token });
    }
  }

  isSetAside(error: unknown): boolean {
    return error === this.aside;
  }

  /** The open questions. */
  open(): QuestionRow[] {
    return [...this.#asked.values()].filter(({ answer, token }) => answer === null && !this.#over.has(token));
  }

  async ask(ctx: StepContext, question: unknown, options: AskOptions | undefined): Promise<unknown> {
    const nth = this.#counts.get(ctx) ?? 0;
    this.#counts.set(ctx, nth + 1);
    const name = nameOf(ctx.key, nth);
    const row = this.#asked.get(name) ?? this.#add(ctx, nth, question, options);
    if (row.answer !== null) return this.#take(ctx, name, row, options);
    return this.#wait(ctx, name, row, options);
  }

  /** Waits for an answer in place, or sets the call aside. */
  #wait(ctx: StepContext, name: string, row: QuestionRow, options: AskOptions | undefined): Promise<unknown> {
    if (row.expiresAt !== null && row.expiresAt <= Date.now()) {
      this.#over.add(row.token);
      throw expired(ctx, row);
    }
    if (this.#run.answer !== undefined) return this.#inPlace(ctx, name, row, options);
    ctx.setAside = this.aside;
    throw this.aside;
  }

  #add(ctx: StepContext, nth: number, question: unknown, options: AskOptions | undefined): QuestionRow {
    const { node, scope, index = null, key } = ctx;
    const path = scope.path(node);
    const problem = problemOf(question);
    if (problem !== undefined) throw notSerializable(`${showPath(path)}: a question`, problem);
    const expires = options?.expires;
    const row = {
      token: randomBytes(16).toString("hex"),
      key,
      nth,
      question: encode(question),
      schema: jsonSchemaOf(options?.schema) ?? null,
      path: JSON.stringify(path),
      index,
      expiresAt: typeof expires === "number" ? Date.now() + expires : (expires?.getTime() ?? null),
    };
    this.#queue.add({ ask: row });
    const asked = { ...row, run: this.#run.id, answer: null, askedAt: Date.now() };
    this.#asked.set(nameOf(key, nth), asked);
    return asked;
  }

  /** Takes an answer, or reopens the question if it does not fit. */
  async #take(
    ctx: StepContext,
    name: string,
    row: QuestionRow,
    options: AskOptions | undefined,
  ): Promise<unknown> {
    try {
      return await fitting(decode(row.answer as string), options);
    } catch (error) {
      if (!(error instanceof SluiceError) || error.code !== "INVALID_ANSWER") throw error;
      const reopened = { ...row, answer: null };
      this.#asked.set(name, reopened);
      this.#queue.add({ reopen: row.token });
      return this.#wait(ctx, name, reopened, options);
    }
  }

  async #inPlace(
    ctx: StepContext,
    name: string,
    row: QuestionRow,
    options: AskOptions | undefined,
  ): Promise<unknown> {
    const { question, path, index, token } = openQuestion(row);
    return ctx.paused(async () => {
      const asked = Promise.resolve(this.#run.answer?.({ question, token, path, index, signal: ctx.signal }));
      const given = await (ctx.cancellation?.race(asked) ?? asked);
      const answer = await fitting(given, options); // an answer that does not fit is not kept
      if (problemOf(given) !== undefined) return answer;
      await this.#queue.flush();
      const text = encode(given);
      if ((await this.#driver.answer(token, text)) === "already")
        return this.#answerFromElsewhere(token, options);
      this.#queue.add({ take: token });
      this.#asked.set(name, { ...row, answer: text });
      return answer;
    });
  }

  /** Reads an answer of another process that came during the wait here: the first one counts. */
  async #answerFromElsewhere(token: string, options: AskOptions | undefined): Promise<unknown> {
    const rows = await this.#driver.questions(this.#run.id);
    const answer = rows.find((row) => row.token === token)?.answer ?? null;
    return fitting(answer === null ? undefined : decode(answer), options);
  }

  /** Withdraws the questions at and under a key. @returns The keys of their calls. */
  withdraw(key: string): string[] {
    const withdrawn: string[] = [];
    for (const [name, row] of this.#asked) {
      if (!isUnder(row.key, key)) continue;
      this.#asked.delete(name);
      withdrawn.push(row.key);
    }
    return withdrawn;
  }
}

/** The error of a call that waits for a person, until it reaches the run. */
class SetAside extends Error {
  /** The code of the run's end, by which listeners know that nothing has failed. */
  readonly code = "SUSPENDED";

  constructor() {
    super("This call waits for a person: do not catch the error of ctx.ask()");
  }
}

function expired(ctx: StepContext, row: QuestionRow): SluiceError {
  const when = new Date(row.expiresAt as number).toISOString();
  return new SluiceError("ASK_EXPIRED", `${showPath(ctx.scope.path(ctx.node))} got no answer until ${when}`);
}
