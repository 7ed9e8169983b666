// A run for a caller: its store, the flow, its output, and the release of its place.
import { type BaseNode, type RunEmitter, SluiceError } from "sluice";
import { quote } from "sluice/internal";
import type { Call } from "./call.js";
import type { Turn } from "./door.js";
import type { HandlerOptions } from "./handler-options.js";
import type { Asked } from "./intake.js";
import { toJson } from "./json.js";
import type { Limits } from "./limits.js";

/** Runs the flow of a handler. */
export class Runner {
  readonly #flow: BaseNode;
  readonly #options: HandlerOptions;
  readonly #grace: number;
  readonly #report: (error: unknown, request: Request) => void;

  constructor(
    flow: BaseNode,
    options: HandlerOptions,
    { grace }: Limits,
    report: (error: unknown, request: Request) => void,
  ) {
    this.#flow = flow;
    this.#options = options;
    this.#grace = grace;
    this.#report = report;
  }

  /**
   * Waits for its turn and runs the flow.
   *
   * @returns The answer. It settles when the run has ended, or `limits.grace` ms after the abort; then its place is
   * free.
   */
  start(call: Call, asked: Asked, turn: Turn, events: RunEmitter | undefined): Promise<string> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const work = turn.granted.then(() => {
      call.hasRun = true;
      timer = this.#startTimer(call);
      return this.#run(call, asked, events);
    });
    const answer = async () => {
      const hasEnded = await call.settled(work, this.#grace);
      clearTimeout(timer);
      turn.leave();
      if (hasEnded) return await work;
      const message = `A hook, \`toShared\` or \`output\` has not ended ${this.#grace} ms after the abort of its run (\`limits.grace\`); its place went to the next caller`;
      this.#report(new SluiceError("HOOK_STUCK", message, { cause: call.signal.reason }), call.request);
      throw call.signal.reason;
    };
    return answer();
  }

  #startTimer(call: Call): ReturnType<typeof setTimeout> | undefined {
    const { timeout } = this.#options;
    if (timeout === undefined) return undefined;
    const stop = () =>
      call.abort(
        new SluiceError("TIMEOUT", `A run took longer than the handler's \`timeout: ${timeout}\` ms`),
      );
    return setTimeout(stop, timeout);
  }

  async #run(call: Call, asked: Asked, events: RunEmitter | undefined): Promise<string> {
    const { signal } = call;
    const { around, maxSteps, drain, journal } = this.#options;
    signal.throwIfAborted();
    // Read before the flow runs, because without `toShared` the input is the store.
    const sent = new Set(this.#options.toShared === undefined ? Object.keys(Object(asked.input?.value)) : []);
    const shared = await this.#storeOf(call.request, asked);
    signal.throwIfAborted();
    await this.#flow.run(shared, { signal, drain, around, events, maxSteps, journal, runId: asked.id });
    return await this.#answerOf(shared, sent);
  }

  async #storeOf(request: Request, { input }: Asked): Promise<unknown> {
    const { toShared, runs } = this.#options;
    if (input === undefined) return { ...(await runs?.shared?.(request)) };
    return toShared === undefined ? input.value : await toShared(input.value, request);
  }

  async #answerOf(shared: unknown, sent: ReadonlySet<string>): Promise<string> {
    const { output } = this.#options;
    if (typeof output === "function") return toJson("output()", await output(shared));
    const store = Object(shared) as Record<string, unknown>;
    if (output !== undefined) {
      return toJson("The store", Object.fromEntries(output.map((key) => [key, store[key]])));
    }
    const others = Object.keys(store).filter((key) => !sent.has(key) && store[key] !== undefined);
    if (others.length === 0) return toJson("The store", shared);
    const named = others.slice(0, 5).map((key) => quote(key));
    throw new SluiceError(
      "INVALID_OUTPUT",
      `createHandler(): expected \`output\`, since the store has keys that the request did not send (${named.join(", ")}) and that may not be for the caller; write \`output: [${named[0]}]\` or a function that picks the answer`,
    );
  }
}
