// The check of options: a table of rules for each kind of object.
import { invalidOption, SluiceError, show, unknownOption } from "./errors.js";
import { isObject, isRecord } from "./realms.js";

/** A rule for the value of an option: the text for a message, and the check. */
export interface Rule {
  readonly expected: string;
  readonly accepts: (value: unknown) => boolean;
}

/** The longest delay of a timer; with a longer one it would fire after 1 ms. */
export const LONGEST_TIMER = 2 ** 31 - 1;

/** No limit, for numeric options. */
export const UNLIMITED = Number.POSITIVE_INFINITY;

export const rule = (expected: string, accepts: (value: unknown) => boolean): Rule => ({ expected, accepts });
const isNumber = (value: unknown): value is number => typeof value === "number";

export const isPlainObject = (value: unknown): value is Record<string, unknown> =>
  isRecord(value) && !Array.isArray(value);

/** Whether a value is an amount of tokens or of milliseconds. */
export const isAmount = (value: unknown): value is number =>
  isNumber(value) && value >= 0 && value < UNLIMITED;

export const anAmount = rule("a finite number of 0 or more", isAmount);
export const aSignal = rule(
  "an AbortSignal",
  (value) => isObject(value) && "aborted" in value && "addEventListener" in value,
);
export const aFunction = rule("a function", (value) => typeof value === "function");
export const aString = rule("a non-empty string", (value) => typeof value === "string" && value !== "");
export const aBoolean = rule("true or false", (value) => typeof value === "boolean");
export const anObject = rule("an object", isPlainObject);
export const strings = rule(
  "an array of strings",
  (value) => Array.isArray(value) && value.every((entry) => typeof entry === "string"),
);
export const aCount = rule(
  "a positive integer",
  (value) => isNumber(value) && Number.isSafeInteger(value) && value >= 1,
);
export const aCountOrInfinity = rule(
  `${aCount.expected} or Infinity`,
  (value) => value === UNLIMITED || aCount.accepts(value),
);
export const aWholeNumber = rule("a non-negative integer", (value) => value === 0 || aCount.accepts(value));
export const aPositiveNumber = rule("a finite number above 0", (value) => isAmount(value) && value > 0);
export const aDelay = rule(
  `milliseconds from 0 to ${LONGEST_TIMER}`,
  (value) => isNumber(value) && value >= 0 && value <= LONGEST_TIMER,
);
export const aTimeout = rule(
  `milliseconds above 0 and up to ${LONGEST_TIMER}`,
  (value) => isNumber(value) && value > 0 && value <= LONGEST_TIMER,
);
export const aVersion = rule("a string or a number", (value) => typeof value === "string" || isNumber(value));
export const oneOf = (...values: readonly string[]): Rule =>
  rule(values.map((value) => JSON.stringify(value)).join(" or "), (value) =>
    values.includes(value as string),
  );

/**
 * Checks options against their rules. An option that is `undefined` counts as omitted.
 *
 * @param instead - Replacements for the option names of other libraries and classes.
 * @throws SluiceError `INVALID_OPTION` or `UNKNOWN_OPTION`.
 */
export function checkOptions(
  where: string,
  options: unknown,
  rules: Readonly<Record<string, Rule>>,
  instead: Readonly<Record<string, string>> = {},
): void {
  if (options === undefined) return;
  if (!isPlainObject(options)) {
    const hint =
      typeof options === "number"
        ? "; for PocketFlow's (maxRetries, wait) write { attempts: 3, backoff: 1_000 }"
        : "";
    throw new SluiceError(
      "INVALID_OPTION",
      `${where}: expected an object of options, got ${show(options)}${hint}`,
    );
  }
  for (const name in options) {
    if (!Object.hasOwn(rules, name)) throw unknownOption(where, name, Object.keys(rules), instead);
    const { expected, accepts } = rules[name] as Rule;
    const value = options[name];
    if (value !== undefined && !accepts(value)) throw invalidOption(where, name, expected, value);
  }
}
