// The actions of the studio's page, each a handler of sluice/serve, which checks the origin, the type, the size and the
// JSON of requests.
import { node, SluiceError } from "sluice";
import { isPlainObject } from "sluice/internal";
import { createHandler, type Handler, Refusal } from "sluice/serve";
import { show } from "../../base/errors.js";
import { Failure, UsageError } from "../io.js";
import { withoutPasswords } from "../terminal-text.js";
import type { Studio } from "./studio.js";

/** The maximum of bytes of a store or an answer. */
const MOST_BYTES = 8_000_000;

type Body = Readonly<Record<string, unknown>>;
type Act = (body: Body) => Promise<object>;

/** The actions by the last part of their URL. */
export function actionsOf(studio: Studio): ReadonlyMap<string, Handler> {
  const acts: Record<string, Act> = {
    answer: async (body) => {
      if (!("answer" in body)) throw new Refusal(400, "Expected `answer`, got nothing");
      await studio.answer(textOf(body, "token"), body.answer);
      return {};
    },
    cancel: async (body) => {
      await studio.cancel(textOf(body, "id"));
      return {};
    },
    resume: async (body) => {
      await studio.resume(textOf(body, "id"));
      return {};
    },
    start: async (body) => {
      const id = body.id === undefined ? undefined : textOf(body, "id");
      return { id: await studio.start(textOf(body, "flow"), id, storeOf(body)) };
    },
  };
  return new Map(Object.entries(acts).map(([name, act]) => [name, handlerOf(name, act)]));
}

function textOf(body: Body, key: string): string {
  const value = body[key];
  if (typeof value === "string" && value.trim() !== "" && value.length <= 1_000) return value;
  throw new Refusal(400, `Expected \`${key}\` to be a text of 1 to 1,000 letters, got ${show(value)}`);
}

function storeOf({ store = {} }: Body): object {
  if (isPlainObject(store)) return store;
  throw new Refusal(400, `Expected the store to be a JSON object, got ${show(store)}`);
}

interface Shared {
  readonly input: unknown;
  result?: object;
}

function handlerOf(name: string, act: Act): Handler {
  const step = node({
    name,
    prep: ({ input }: Shared) => input,
    exec: async (input) => {
      if (!isPlainObject(input)) throw new Refusal(400, "Expected a JSON object");
      return act(input).catch((error: unknown) => {
        throw asRefusal(error);
      });
    },
    post: (shared, _input, result) => {
      shared.result = result;
    },
  });
  return createHandler(step, {
    toShared: (input: unknown): Shared => ({ input }),
    output: ({ result }: Shared) => result,
    limits: { body: MOST_BYTES },
  });
}

/** The caller is at this computer, so all errors are shown. */
function asRefusal(error: unknown): Refusal {
  if (error instanceof Refusal) return error;
  const { message = String(error) } = error as Partial<Error>;
  const text = withoutPasswords(message);
  if (error instanceof UsageError) return new Refusal(400, text, { cause: error });
  if (error instanceof Failure) return new Refusal(409, text, { cause: error });
  if (error instanceof SluiceError) return new Refusal(409, `${text} (${error.code})`, { cause: error });
  return new Refusal(500, text, { cause: error });
}
