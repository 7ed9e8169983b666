// Questions to people: `ctx.ask` in a run without a journal.
import { SluiceError, showPath } from "../base/errors.js";
import { checkOptions, type Rule } from "../base/options.js";
import { builtInOf } from "../base/realms.js";
import { aSchema, issuesOf, type StandardSchema } from "../base/schema.js";
import type { StepContext } from "./step-context.js";

/** The options of {@link Context.ask}. */
export interface AskOptions<Answer = unknown> {
  /** A Standard Schema that checks the answer. An invalid answer leaves the question open. */
  readonly schema?: StandardSchema<Answer> | undefined;
  /** The deadline of the answer: a Date, or milliseconds from now. After it `ask` throws `ASK_EXPIRED`. */
  readonly expires?: Date | number | undefined;
}

/** A question, as {@link RunOptions.ask} gets it. */
export interface AskRequest {
  readonly question: unknown;
  /** The id of the question: the same each time it is asked. */
  readonly token: string;
  /** Names from the outermost flow to the node. */
  readonly path: readonly (string | number)[];
  /** The index of the item or of the nearest iteration. */
  readonly index: number | undefined;
  /** Fires when the call no longer waits for the answer. */
  readonly signal: AbortSignal;
}

const rules: Record<string, Rule> = {
  schema: aSchema,
  expires: {
    expected: "a Date, or 0 or more milliseconds",
    accepts: (value) =>
      typeof value === "number" ? value >= 0 : builtInOf(value) === "Date" && !Number.isNaN(Number(value)),
  },
};

/** Implements `ctx.ask` for a run without a journal. */
export async function ask(
  ctx: StepContext,
  question: unknown,
  options: AskOptions | undefined,
): Promise<unknown> {
  checkOptions("ctx.ask()", options, rules);
  const { scope, node, index } = ctx;
  const { journal, answer } = scope.run;
  if (journal !== undefined) return journal.ask(ctx, question, options);
  if (answer === undefined) {
    throw new SluiceError(
      "NOBODY_TO_ASK",
      `${showPath(scope.path(node))} asks a question, and there is neither a \`journal\` to keep it nor an \`ask\` to answer it; pass one of them to run()`,
    );
  }
  return ctx.paused(async () => {
    const request = {
      question,
      token: ctx.idempotencyKey,
      path: scope.path(node),
      index,
      signal: ctx.signal,
    };
    const asked = Promise.resolve(answer(request));
    const given = await (ctx.cancellation?.race(asked) ?? asked);
    return fitting(given, options);
  });
}

/** Checks an answer by its schema. @throws SluiceError `INVALID_ANSWER`. */
export async function fitting(given: unknown, options: AskOptions | undefined): Promise<unknown> {
  const checked = await options?.schema?.["~standard"].validate(given);
  if (checked === undefined) return given;
  if (checked.issues === undefined) return checked.value;
  const issues = issuesOf(checked.issues).map(({ path, message }) => [...path, message].join(": "));
  throw new SluiceError("INVALID_ANSWER", `The answer does not fit: ${issues.join("; ")}`);
}
