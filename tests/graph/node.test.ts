import {
  type Action,
  AsyncNode,
  BaseNode,
  BatchNode,
  type Context,
  chain,
  Flow,
  locate,
  Node,
  node,
  parallel,
  SluiceError,
} from "sluice";
import { afterEach, beforeEach, describe, expect, type MockInstance, test, vi } from "vitest";
import { rejection } from "../support/deferred.js";

let warnings: MockInstance<typeof process.emitWarning>;
beforeEach(() => {
  warnings = vi.spyOn(process, "emitWarning").mockImplementation(() => {});
});
afterEach(() => warnings.mockRestore());
const warned = () => warnings.mock.calls.map(([message]) => String(message));

describe("prep → exec → post", () => {
  test("each hook gets its arguments, and exec never sees the store", async () => {
    const calls: unknown[][] = [];
    const shared = { text: "a b" };
    const step = node({
      prep: (...args: [typeof shared, Context]) => {
        calls.push(["prep", ...args.slice(0, -1)]);
        return args[0].text;
      },
      exec: (...args) => {
        calls.push(["exec", ...args.slice(0, -1)]);
        return args[0].split(" ").length;
      },
      post: (...args) => {
        calls.push(["post", ...args.slice(0, -1)]);
        return "counted" as const;
      },
    });
    expect(await step.run(shared)).toBe("counted");
    expect(calls).toEqual([
      ["prep", shared],
      ["exec", "a b"],
      ["post", shared, "a b", 2],
    ]);
  });

  test.each([
    [
      "throws at once",
      () => {
        throw new Error("exec");
      },
    ],
    [
      "rejects",
      async () => {
        throw new Error("exec");
      },
    ],
  ])("a fallback that fails is called once, where exec %s", async (_how, exec) => {
    let calls = 0;
    const failing = node({
      exec: exec as () => Promise<void>,
      execFallback: async () => {
        calls++;
        throw new Error("fallback");
      },
    });
    expect(await rejection(failing.run({}))).toEqual(new Error("fallback"));
    expect(calls).toBe(1);
  });

  test("every hook is optional", async () => {
    expect(await new Node().run({})).toBeUndefined();
    expect(await node({}).run({})).toBeUndefined();
    expect(
      await node({ post: (_shared: unknown, prepared, result) => `${prepared} ${result}` }).run({}),
    ).toBe("undefined undefined");
  });

  test("every hook may be async, or return any thenable", async () => {
    const later = <T>(value: T): PromiseLike<T> => ({
      // biome-ignore lint/suspicious/noThenProperty: a thenable is what this test is about
      then: (resolve) => Promise.resolve(value).then(resolve),
    });
    const step = node({
      prep: async (shared: { n: number }) => shared.n,
      exec: (n) => later(n + 1),
      post: async (_shared, prepared, result) => later(`${prepared} ${result}`),
    });
    expect(await step.run({ n: 1 })).toBe("1 2");
  });

  test("a function with a then is awaited too, as await does it", async () => {
    const thenable = Object.assign(() => {}, {
      // biome-ignore lint/suspicious/noThenProperty: a thenable is what this test is about
      then: (resolve: (value: string) => void) => resolve("resolved"),
    });
    const step = node({
      prep: () => thenable as unknown as PromiseLike<string>,
      exec: (prepared) => `${prepared} by exec`,
      post: (_shared: unknown, prepared, result) => `${prepared}, ${result}`,
    });
    expect(await step.run({})).toBe("resolved, resolved by exec");
  });

  test("a sync hook costs no microtask: a flow of them is done before run() returns", async () => {
    const trace: string[] = [];
    const step = (name: string) =>
      node({
        prep: () => void trace.push(`${name}.prep`),
        exec: () => void trace.push(`${name}.exec`),
        post: () => void trace.push(`${name}.post`),
      });
    const run = new Flow(chain(step("a"), step("b"), step("c"))).run({});
    trace.push("run() returned");
    await run;
    expect(trace).toEqual([
      ...["a", "b", "c"].flatMap((name) => [`${name}.prep`, `${name}.exec`, `${name}.post`]),
      "run() returned",
    ]);
  });

  test("run() gives the action as post returned it", async () => {
    for (const action of [undefined, null, "", "default", "x"]) {
      expect(await node({ post: () => action }).run({})).toBe(action);
    }
  });

  test("an action that is not a string is an error with advice", async () => {
    for (const action of [42, true, {}, [], Symbol("x"), 1n, () => "x", Number.NaN]) {
      const error = await rejection(node({ name: "Sum", post: () => action as never as Action }).run({}));
      expect(error).toBeInstanceOf(SluiceError);
      expect(error).toMatchObject({ code: "INVALID_ACTION", message: expect.stringContaining('"Sum"') });
    }
  });

  test("a failing prep or post is never tried again, and never becomes a fallback", async () => {
    for (const hook of ["prep", "post"] as const) {
      const calls: string[] = [];
      const step = node({
        attempts: 3,
        execFallback: () => void calls.push("fallback"),
        [hook]: () => {
          calls.push(hook);
          throw new Error(hook);
        },
      });
      await expect(step.run({})).rejects.toThrow(hook);
      expect(calls).toEqual([hook]);
    }
  });
});

describe("a node is a definition that no run writes to", () => {
  test("a frozen node and a frozen flow run, again and again, and can still be linked", async () => {
    const reached = vi.fn();
    const step = node({ exec: () => 1, attempts: 2, timeout: 1_000, post: () => "again" as const });
    const [last, flow] = [node({ prep: reached }), new Flow(step)];
    for (const made of [step, last, flow]) Object.freeze(made);
    step.on("again", last);
    expect(await flow.run({})).toBeUndefined();
    expect(await flow.run(Object.freeze({}))).toBeUndefined();
    expect(reached).toHaveBeenCalledTimes(2);
  });

  test("#private fields and arrow-function hooks work", async () => {
    class Counter extends Node<{ n: number }, number, number> {
      #factor = 2;
      override prep = (shared: { n: number }) => shared.n;
      override exec = async (n: number) => n * this.#factor;
      override post(shared: { n: number }, _n: number, doubled: number) {
        shared.n = doubled + this.#zero();
      }
      #zero() {
        return 0;
      }
    }
    const shared = { n: 21 };
    await new Flow(new Counter()).run(shared);
    expect(shared.n).toBe(42);
  });

  test("a spy on exec is what the flow calls", async () => {
    class Greet extends Node<object, undefined, string> {
      override exec() {
        return "hello";
      }
    }
    for (const step of [new Greet(), new Greet({ attempts: 2 }), node({ exec: () => "hello" })]) {
      const spy = vi.spyOn(step, "exec").mockReturnValue("spied");
      const post = vi.spyOn(step, "post");
      await new Flow(step).run({});
      expect(spy).toHaveBeenCalledOnce();
      expect(post.mock.calls[0]?.[2]).toBe("spied");
    }
  });

  test("hooks are called on the node, so that this is what a class author expects", async () => {
    const seen: unknown[] = [];
    class Self extends Node {
      override prep() {
        seen.push(this);
      }
      override exec() {
        seen.push(this);
        throw new Error("to the fallback");
      }
      override execFallback() {
        seen.push(this);
      }
      override post() {
        seen.push(this);
      }
    }
    for (const step of [new Self(), new Self({ attempts: 2 })]) {
      seen.length = 0;
      await step.run({});
      expect(new Set(seen)).toEqual(new Set([step]));
    }
  });

  test("one node may stand in two flows at once", async () => {
    const visits: string[] = [];
    const step = node({ prep: (shared: { id: string }) => void visits.push(shared.id) });
    await Promise.all([new Flow(step).run({ id: "a" }), new Flow(step).run({ id: "b" })]);
    expect(visits).toEqual(["a", "b"]);
  });
});

describe("names", () => {
  test("a node is called as its class, unless it has a name", () => {
    class Summarize extends Node {}
    expect(new Summarize().name).toBe("Summarize");
    expect(new Summarize({ name: "other" }).name).toBe("other");
    expect(new (class extends Node {})().name).toBe("node");
    class NamedForEverythingThatItDoesAndForSomeOfTheThingsThatItDoesNotDoYet extends Node {}
    expect(new NamedForEverythingThatItDoesAndForSomeOfTheThingsThatItDoesNotDoYet().name).toHaveLength(67);
    const Odd = class Odd extends Node {};
    for (const name of [() => "x", 3, "", undefined]) {
      Object.defineProperty(Odd, "name", { value: name }); // as a static method or field called "name" does
      expect(new Odd().name).toBe("node");
    }
    expect(node({}).name).toBe("node");
  });

  test("a name may also be given later, or by the class itself", async () => {
    const failing = new Node();
    Object.assign(failing, { name: "later", exec: () => Promise.reject(new Error("no")) });
    const error = await rejection(failing.run({}));
    expect(locate(error)?.path).toEqual(["later"]);
    expect(
      new (class extends Node {
        override name = "field";
      })().name,
    ).toBe("field");
  });

  test("Node and AsyncNode are one class", () => {
    expect(AsyncNode).toBe(Node);
  });
});

describe("links", () => {
  const returns = <A extends Action>(action: A) => node({ post: () => action });

  test("next() links the default action and returns the node it links to", async () => {
    const reached = vi.fn();
    const [a, b, c] = [new Node(), new Node(), node({ prep: reached })];
    expect(a.next(b)).toBe(b);
    expect(a.next(b).next(c)).toBe(c);
    await new Flow(a).run({});
    expect(reached).toHaveBeenCalledOnce();
  });

  test("on() links an action and returns the node itself", async () => {
    const a = returns("yes" as "yes" | "no");
    const reached = vi.fn();
    expect(a.on("yes", node({ prep: reached })).on("no", new Node())).toBe(a);
    await new Flow(a).run({});
    expect(reached).toHaveBeenCalledOnce();
  });

  test("nothing, null and the empty string follow the default link", async () => {
    for (const action of [undefined, null, "", "default"]) {
      const reached = vi.fn();
      const a = returns(action);
      a.next(node({ prep: reached }));
      await new Flow(a).run({});
      expect(reached).toHaveBeenCalledOnce();
    }
  });

  test("branch() links every action, null ends the flow, and it returns the node", async () => {
    const reached = vi.fn();
    const a = node({ post: (shared: { action: "yes" | "no" | "off" }) => shared.action });
    const [yes, no] = [node({ prep: () => reached("yes") }), node({ prep: () => reached("no") })];
    expect(a.branch({ yes, no, off: null })).toBe(a);
    const flow = new Flow(a);
    await flow.run({ action: "no" });
    expect(reached.mock.calls).toEqual([["no"]]);
    expect(await flow.run({ action: "off" })).toBe("off");
    expect(reached).toHaveBeenCalledOnce();
    expect(warned()).toEqual([]);
  });

  test("branch() takes a default link too", async () => {
    const reached = vi.fn();
    const a = node({ post: (): "x" | undefined => undefined });
    a.branch({ x: null, default: node({ prep: reached }) });
    await new Flow(a).run({});
    expect(reached).toHaveBeenCalledOnce();
  });

  test("end() says that an action ends the flow, and returns the node", async () => {
    const a = returns("done" as "done" | "more");
    expect(a.on("more", a).end("done")).toBe(a);
    expect(await new Flow(a, { strict: true }).run({})).toBe("done");
    expect(warned()).toEqual([]);
  });

  test("a link that is overwritten warns; the same link again does not", () => {
    const [a, b, c] = [new Node({ name: "A" }), new Node(), new Node()];
    a.next(b);
    a.next(b);
    expect(warned()).toEqual([]);
    a.next(c);
    expect(warned()).toEqual([expect.stringMatching(/"A".*"default".*overwritten/)]);
    a.end("default");
    expect(warned()).toHaveLength(2);
    expect(warnings.mock.calls[0]?.[1]).toMatchObject({ code: "SLUICE_LINK_OVERWRITTEN" });
  });

  test("the last link wins", async () => {
    const reached = vi.fn();
    const a = new Node();
    a.next(node({ prep: () => reached("first") }));
    a.next(node({ prep: () => reached("second") }));
    await new Flow(a).run({});
    expect(reached.mock.calls).toEqual([["second"]]);
  });

  test("an action that is no non-empty string cannot be linked", () => {
    for (const action of ["", undefined, null, 3, {}]) {
      expect(() => new Node().on(action as never, new Node())).toThrow(
        expect.objectContaining({ code: "INVALID_ACTION" }),
      );
      expect(() => new Node().end(action as never)).toThrow(
        expect.objectContaining({ code: "INVALID_ACTION" }),
      );
    }
  });

  test("only nodes can be linked, and a class gets the hint to write new", () => {
    for (const wrong of [undefined, null, {}, "b", Node]) {
      const expected = expect.objectContaining({ code: "INVALID_NODE" });
      expect(() => new Node().next(wrong as never)).toThrow(expected);
      expect(() => new Node().on("default", wrong as never)).toThrow(expected);
    }
    expect(() => new Node().next(Node as never)).toThrow(/`new`/);
    expect(() => new Node().branch(undefined as never)).toThrow(SluiceError);
  });

  test("run() on a node follows none of its links, and says so once", async () => {
    const reached = vi.fn();
    const a = node({ name: "A", post: () => "x" as const });
    a.on("x", node({ prep: reached }));
    expect(await a.run({})).toBe("x");
    expect(await a.run({})).toBe("x");
    expect(reached).not.toHaveBeenCalled();
    expect(warned()).toEqual([expect.stringContaining("new Flow(node)")]);
    expect(warnings.mock.calls[0]?.[1]).toMatchObject({ code: "SLUICE_LINKS_NOT_FOLLOWED" });
  });
});

describe("a hook under another library's name is refused with the right name", () => {
  const wrong = {
    prepAsync: "prep",
    execAsync: "exec",
    execFallbackAsync: "execFallback",
    postAsync: "post",
    prep_async: "prep",
    exec_async: "exec",
    exec_fallback: "execFallback",
    exec_fallback_async: "execFallback",
    post_async: "post",
  };

  test.each(Object.entries(wrong))("%s → %s", async (name, right) => {
    class Ported extends Node {}
    Object.defineProperty(Ported.prototype, name, { value: () => 1 });
    const ported = new Ported();
    const expected = expect.objectContaining({
      code: "UNKNOWN_HOOK",
      message: expect.stringMatching(new RegExp(`"Ported".*\`${name}\`.*\`${right}\``)),
    });
    expect(() => new Flow(ported)).toThrow(expected);
    expect(() => new Node().next(ported)).toThrow(expected);
    expect(() => new Node().on("default", ported)).toThrow(expected);
    expect(() => ported.next(new Node())).toThrow(expected);
    expect(() => ported.end("default")).toThrow(expected);
    expect(() => new Node().branch({ default: ported })).toThrow(expected);
    expect(() => parallel([ported])).toThrow(expected);
    expect(() => chain(ported)).toThrow(expected);
    expect(await rejection(ported.run({}))).toEqual(expected);
  });

  test("also on a class field, on batch nodes and on flows", async () => {
    class Field extends Node {
      execAsync = async () => 1;
    }
    class Batch extends BatchNode {
      execAsync() {}
    }
    class Outer extends Flow {
      postAsync() {}
    }
    for (const made of [new Field(), new Batch(), new Outer(new Node())]) {
      expect(await rejection(made.run({}))).toMatchObject({ code: "UNKNOWN_HOOK" });
    }
  });
});

describe("requires", () => {
  test("keys that the store must have are checked before prep", async () => {
    const prep = vi.fn();
    const step = node({ name: "Sum", requires: ["text", "tail"], prep });
    const error = await rejection(new Flow(step).run({ txet: 1, tail: 2 }));
    expect(error).toMatchObject({ code: "MISSING_KEYS", message: expect.stringMatching(/"Sum".*"text"/) });
    expect((error as Error).message).toContain('"txet"');
    expect(prep).not.toHaveBeenCalled();
    await new Flow(step).run({ text: "", tail: 0 });
    expect(prep).toHaveBeenCalledOnce();
  });

  test("null, false and getters of a class are values; undefined is none", async () => {
    class Store {
      get made() {
        return 1;
      }
    }
    const step = new Node({ requires: ["made"] });
    for (const store of [{ made: null }, { made: false }, new Store()]) {
      expect(await step.run(store)).toBeUndefined();
    }
    for (const store of [{ made: undefined }, {}, undefined, null, 3]) {
      expect(await rejection(step.run(store as never))).toMatchObject({ code: "MISSING_KEYS" });
    }
  });

  test("a batch node and a flow have it too", async () => {
    interface Store {
      x?: number;
    }
    for (const made of [
      new BatchNode<Store>({ requires: ["x"] }),
      new Flow<Store>(new Node(), { requires: ["x"] }),
      parallel<Store>([new Node()], { requires: ["x"] }),
    ]) {
      expect(await rejection(made.run({}))).toMatchObject({ code: "MISSING_KEYS" });
      expect(await made.run({ x: 1 })).toBeUndefined();
    }
  });

  test("a key that an earlier node's post sets is there", async () => {
    const set = node({ post: (shared: { x?: number }) => void (shared.x = 1) });
    set.next(new Node<{ x?: number }>({ requires: ["x"] }));
    expect(await new Flow(set).run({})).toBeUndefined();
  });
});

test("BaseNode is what every node and flow is", () => {
  for (const made of [new Node(), node({}), new BatchNode(), new Flow(new Node()), parallel([new Node()])]) {
    expect(made).toBeInstanceOf(BaseNode);
  }
});
