// cassette(): an executor that records the results of `exec` and plays them back.
import { existsSync } from "node:fs";
import { Executor, type ExecutorAnswer, type ExecutorCall } from "sluice";
import { aFunction, aString, checkOptions, invalidOption, oneOf, quote, SluiceError } from "sluice/internal";
import "../error-codes.js";
import { redactor } from "./redact.js";
import { fromJson, keyOf, type Recording, Tape, toJson } from "./tape.js";

/**
 * `"play"` calls no `exec`; `"record"` calls all and rewrites the file; `"add"` calls only those that the file does not
 * have.
 */
export type CassetteMode = "play" | "record" | "add";

/** The options of {@link cassette}. */
export interface CassetteOptions {
  /**
   * @default the variable `SLUICE_CASSETTE`; without it `"play"`, or `"record"` if there is no file and the variable
   * `CI` is not set
   */
  readonly mode?: CassetteMode | undefined;
  /** Redacts each text before it is written, in addition to the built-in redaction; must be deterministic. */
  readonly redact?: ((text: string) => string) | undefined;
}

/** An executor that plays back what it has recorded. */
export interface Cassette extends Executor {
  readonly mode: CassetteMode;
}

const WHERE = "cassette()";
const aMode = oneOf("play", "record", "add");

/**
 * Creates an executor for nodes whose `exec` costs money or time. It records the results of `exec`, the data that it
 * emits and the tokens that it charges, in a JSON file to commit. It plays them back by the node's place in the graph,
 * the input and the params, without calling `exec`, a gate or a backoff. Repeated calls with the same input in one run
 * each have their own recording.
 *
 * An input that was not recorded fails with `CASSETTE_MISS` and a diff. Failures are not recorded. In the file
 * `[redacted]` replaces what looks like a secret, and the values of variables such as `OPENAI_API_KEY`; a run that
 * plays gets what the file has. Inputs and results must be plain data: otherwise the call fails with `CASSETTE_FAILED`,
 * as it does if the file cannot be read or written.
 *
 * @param file - The path of the file; missing folders are created.
 * @throws SluiceError `INVALID_OPTION`, `UNKNOWN_OPTION`, `CASSETTE_FAILED`.
 * @example
 * ```ts sketch
 * import { Flow, node } from "sluice";
 * import { cassette } from "sluice/testing";
 *
 * const executor = cassette("tests/summaries.json");
 * const summarise = node({ executor, prep: (shared: { text: string }) => shared.text, exec: (text) => text.slice(0, 9) });
 * await new Flow(summarise).run({ text: "The gate is opened." });
 * ```
 */
export function cassette(file: string, options: CassetteOptions = {}): Cassette {
  if (!aString.accepts(file)) throw invalidOption(WHERE, "file", "the path of a file", file);
  checkOptions(WHERE, options, { mode: aMode, redact: aFunction });
  return new RecordedCalls(file, options.mode ?? defaultMode(file), options.redact);
}

function defaultMode(file: string): CassetteMode {
  const { SLUICE_CASSETTE: mode, CI } = process.env;
  if (mode === undefined || mode === "") return existsSync(file) || CI ? "play" : "record";
  if (aMode.accepts(mode)) return mode as CassetteMode;
  throw invalidOption(WHERE, "$SLUICE_CASSETTE", aMode.expected, mode);
}

class RecordedCalls extends Executor implements Cassette {
  readonly mode: CassetteMode;
  readonly #tape: Tape;
  readonly #redact: (value: unknown) => unknown;
  /** How often each run made each call; written by `execute`. */
  readonly #counts = new Map<string, number>();

  constructor(file: string, mode: CassetteMode, redact: CassetteOptions["redact"]) {
    super();
    this.mode = mode;
    this.#tape = new Tape(file);
    this.#redact = redactor(redact);
    if (mode !== "record") this.#tape.load();
  }

  override async execute(call: ExecutorCall): Promise<ExecutorAnswer> {
    const { place, params } = call;
    const json = (value: unknown, what: string) => toJson(this.#redact(value), `${quote(place)}: ${what}`);
    const site = {
      place,
      input: json(call.input, "its input"),
      ...(Object.keys(params).length > 0 && { params: json({ ...params }, "its params") }),
    };
    const key = keyOf(site);
    const nth = this.#next(`${call.runId} ${key}`);
    const recorded = this.#tape.get(key)[nth];
    if (recorded !== undefined) return answerOf(recorded);
    if (this.mode === "play") throw new SluiceError("CASSETTE_MISS", this.#tape.miss(site, nth));
    const answer = await call.local();
    if ("value" in answer) {
      const { value, emitted = [], charged } = answer;
      this.#tape.add({
        ...site,
        value: json(value, "its result"),
        ...(emitted.length > 0 && { emitted: json(emitted, "what it emits") }),
        ...(charged !== undefined && { charged }),
      });
      await this.#tape.save();
    }
    return answer;
  }

  #next(call: string): number {
    const nth = this.#counts.get(call) ?? 0;
    this.#counts.set(call, nth + 1);
    return nth;
  }
}

function answerOf({ value, emitted, charged }: Recording): ExecutorAnswer {
  const data = fromJson(emitted) as unknown[] | undefined;
  return { value: fromJson(value), emitted: data, charged };
}
