// The hooks that contestants run: prep reads the store, exec computes, post writes the store and names the
// next action. Six sets, each written out, so that an engine's call sites see different functions, as in a real
// program: V8 can neither inline them nor delete their work. Every set takes `shared.n` one further.

const next = (shared) => (shared.n < shared.until ? "again" : "done");

/** Hooks that return values. */
export const syncHooks = [
  {
    prep: (shared) => shared.n,
    exec: (n) => n + 1,
    post: (shared, _n, more) => {
      shared.n = more;
      return next(shared);
    },
  },
  {
    prep: (shared) => [shared.n],
    exec: ([n]) => n + 1,
    post: (shared, _prepared, more) => {
      shared.n = more;
      shared.seen = true;
      return next(shared);
    },
  },
  {
    prep: (shared) => ({ n: shared.n }),
    exec: ({ n }) => ({ n: n + 1 }),
    post: (shared, { n }, more) => {
      shared.n = Math.max(n, more.n);
      return next(shared);
    },
  },
  {
    prep: (shared) => shared.n + 2,
    exec: (n) => n - 1,
    post: (shared, _n, more) => {
      shared.n = more;
      return next(shared);
    },
  },
  {
    prep: () => 1,
    exec: (one) => one,
    post: (shared, _one, step) => {
      shared.n += step;
      return next(shared);
    },
  },
  {
    prep: (shared) => `${shared.n}`,
    exec: (text) => Number(text) + 1,
    post: (shared, _text, more) => {
      shared.n = more;
      return next(shared);
    },
  },
];

/** Hooks that return promises. */
export const asyncHooks = [
  {
    prep: async (shared) => shared.n,
    exec: async (n) => n + 1,
    post: async (shared, _n, more) => {
      shared.n = more;
      return next(shared);
    },
  },
  {
    prep: async (shared) => [shared.n],
    exec: async ([n]) => n + 1,
    post: async (shared, _prepared, more) => {
      shared.n = more;
      shared.seen = true;
      return next(shared);
    },
  },
  {
    prep: async (shared) => ({ n: shared.n }),
    exec: async ({ n }) => ({ n: n + 1 }),
    post: async (shared, { n }, more) => {
      shared.n = Math.max(n, more.n);
      return next(shared);
    },
  },
  {
    prep: async (shared) => shared.n + 2,
    exec: async (n) => n - 1,
    post: async (shared, _n, more) => {
      shared.n = more;
      return next(shared);
    },
  },
  {
    prep: async () => 1,
    exec: async (one) => one,
    post: async (shared, _one, step) => {
      shared.n += step;
      return next(shared);
    },
  },
  {
    prep: async (shared) => `${shared.n}`,
    exec: async (text) => Number(text) + 1,
    post: async (shared, _text, more) => {
      shared.n = more;
      return next(shared);
    },
  },
];

/** Gives a class these hooks as methods, as a user's `class extends Base` would have them. */
export function withHooks(Base, hooks) {
  class Defined extends Base {}
  for (const [name, hook] of Object.entries(hooks)) {
    Object.defineProperty(Defined.prototype, name, { value: hook, writable: true, configurable: true });
  }
  return Defined;
}

/** The numbers from 0 below `count`, one at a time. */
export function* range(count) {
  for (let n = 0; n < count; n++) yield n;
}
