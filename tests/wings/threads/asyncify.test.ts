import { AsyncParallelBatchNode, type Context, Flow, locate, node, SluiceError } from "sluice";
import { asyncify, type ThreadCall, ThreadPool } from "sluice/threads";
import { describe, expect, expectTypeOf, test } from "vitest";
import type * as work from "./modules/work.js";

const url = new URL("./modules/work.js", import.meta.url);
const on = <F extends (...args: never[]) => unknown>(name: string, pool?: ThreadPool) =>
  asyncify<F>(url, name, { pool });
const hash = on<typeof work.hash>("hash");
const hashOfA = "2071929c2b57750601d7859a5639eea1d2e6e94cfce20800b0e6cf0ad0fb77b6";

/** What a promise rejects with. */
const failureOf = (promise: Promise<unknown>): Promise<SluiceError> =>
  promise.then(
    (value) => expect.unreachable(`resolved with ${String(value)}`),
    (error) => error,
  );

describe("a function of a module", () => {
  test("runs in a thread of its own, with its imports, and gives what it returns", async () => {
    expect(await hash("a")).toBe(hashOfA);
    expect(await on<typeof work.doubled>("doubled")(21)).toBe(42);
    expect(await on<typeof work.later>("later")("x")).toBe("late x");
    expect(await on<typeof work.thread>("thread")()).toBeGreaterThan(0);
  });

  test("is the default export when none is named, and may be a built-in or given by its path", async () => {
    expect(await asyncify<typeof work.default>(url)("Bo")).toBe("hello Bo");
    const gunzip = asyncify<typeof import("node:zlib").gunzipSync>("node:zlib", "gunzipSync");
    const gzip = asyncify<typeof import("node:zlib").gzipSync>("node:zlib", "gzipSync");
    expect(Buffer.from(await gunzip(await gzip("text"))).toString()).toBe("text");
    expect(await asyncify<typeof work.hash>(url.pathname, "hash")("a")).toBe(hashOfA);
    expect(await asyncify("data:text/javascript,export default (n) => n + 1")(1)).toBe(2);
  });

  test("keeps the types of its arguments and of its result", () => {
    expectTypeOf(hash).parameter(0).toEqualTypeOf<string>();
    expectTypeOf(hash).parameter(1).toEqualTypeOf<number | ThreadCall | undefined>();
    expectTypeOf(hash("a", { signal: new AbortController().signal })).resolves.toEqualTypeOf<string>();
    expectTypeOf(on<typeof work.doubled>("doubled")).parameters.toEqualTypeOf<
      [n: number, call?: ThreadCall]
    >();
    expectTypeOf(hash("a")).resolves.toEqualTypeOf<string>();
    expectTypeOf(on<typeof work.later>("later")("a")).resolves.toEqualTypeOf<string>();
    expectTypeOf(on<typeof work.count>("count")(1)).toEqualTypeOf<AsyncIterable<number, string>>();
    expectTypeOf(on<typeof work.tick>("tick")(1, 1)).toExtend<AsyncIterable<number>>();
    expectTypeOf(asyncify((a: number, b: string) => [a, b] as const)(1, "x")).resolves.toEqualTypeOf<
      readonly [number, string]
    >();
    // @ts-expect-error A number is no text.
    () => hash(1);
  });

  test("is a node's exec as it is, in a batch too", async () => {
    class Hash extends AsyncParallelBatchNode<{ texts: string[]; hashes?: string[] }, string, string> {
      override prep(shared: { texts: string[] }) {
        return shared.texts;
      }
      override exec(text: string, ctx: Context) {
        return hash(text, ctx);
      }
      override post(shared: { hashes?: string[] }, _texts: string[], hashes: string[]) {
        shared.hashes = hashes;
      }
    }
    const shared: { texts: string[]; hashes?: string[] } = { texts: ["a", "b", "a"] };
    await new Flow(new Hash()).run(shared);
    expect(shared.hashes?.[0]).toBe(hashOfA);
    expect(shared.hashes?.[2]).toBe(hashOfA);

    const double = on<typeof work.doubled>("doubled");
    const twice = node({
      prep: (store: { n: number }) => store.n,
      exec: double,
      post: (store, _n, result) => {
        store.n = result;
      },
    });
    const store = { n: 4 };
    await new Flow(twice).run(store);
    expect(store.n).toBe(8);
  });

  test("keeps data that only looks like a call's options", async () => {
    const echo = asyncify((...args: unknown[]) => args);
    for (const data of [{}, { signal: "SIGINT" }, { transfer: "wire" }, { signal: undefined, a: 1 }, null]) {
      expect(await echo(data as object)).toEqual([data]);
    }
    expect(await echo(1, { signal: undefined } as never)).toEqual([1]);
  });
});

describe("a self-contained function", () => {
  test("runs from its source, and imports inside", async () => {
    const parts = asyncify(async (path: string) => {
      const { basename, dirname } = await import("node:path");
      const twice = (text: string) => text + text;
      return [basename(path), twice(dirname(path))];
    });
    expect(await parts("/a/b.txt")).toEqual(["b.txt", "/a/a"]);
  });

  test("may be a method or a function with a name", async () => {
    const { shout } = { shout: (text: string) => text.toUpperCase() };
    const home = {
      add(a: number, b: number) {
        return a + b;
      },
      async wait(ms: number) {
        await new Promise((resolve) => setTimeout(resolve, ms));
        return ms;
      },
    };
    expect(await asyncify(shout)("a")).toBe("A");
    expect(await asyncify(home.add)(1, 2)).toBe(3);
    expect(await asyncify(home.wait)(1)).toBe(1);
    expect(
      await asyncify(function named(n: number): number {
        return n < 2 ? 1 : n * named(n - 1);
      })(5),
    ).toBe(120);
  });

  test("that is not self-contained fails with a message that says so", async () => {
    const outside = { n: 1 };
    const error = await failureOf(asyncify(() => outside.n)());
    expect(error).toBeInstanceOf(ReferenceError);
    expect(error.message).toMatch(
      /outside is not defined; .*import\(\) what it needs inside, or give asyncify\(\) a module/,
    );
  });

  test.each([
    ["a class", class A {}],
    ["built in or bound", (() => 1).bind(null)],
    ["built in or bound", Math.max],
  ])("cannot be %s", (what, fn) => {
    expect(() => asyncify(fn as never)).toThrow(what);
  });
});

describe("what goes wrong is said clearly", () => {
  test("a function's own error comes over with its fields", async () => {
    const error = await failureOf(on<typeof work.refuse>("refuse")("no"));
    expect(error).toBeInstanceOf(Error);
    expect(error).toMatchObject({ name: "Refused", message: "no", status: 418, detail: { tea: true } });
    expect(error.stack).toMatch(/work\.ts/);
    expect(await failureOf(on<typeof work.refuseAsText>("refuseAsText")("plain"))).toBe("plain");
  });

  test("its cause and the parts of an AggregateError come over too, with their fields", async () => {
    const refuse = asyncify(async (kind: string) => {
      const inner = Object.assign(new TypeError("inner"), { code: "ECONNRESET", status: 503, call() {} });
      if (kind === "cause") throw new Error("outer", { cause: new RangeError("middle", { cause: inner }) });
      if (kind === "own key") throw Object.assign(new Error("outer"), { cause: inner });
      if (kind === "text") throw new Error("outer", { cause: "of text" });
      if (kind === "circle") {
        const error: Error = new Error("outer");
        throw Object.assign(error, { cause: error });
      }
      if (kind === "retries")
        throw Object.assign(new Error("outer"), { name: "RetryError", errors: [inner] });
      await Promise.any([Promise.reject(inner), Promise.reject(new Error("b", { cause: inner }))]);
    });
    const fields = { name: "TypeError", message: "inner", code: "ECONNRESET", status: 503 };
    const cause = await failureOf(refuse("cause"));
    expect(cause.cause).toBeInstanceOf(RangeError);
    expect((cause.cause as Error).cause).toBeInstanceOf(TypeError);
    expect((cause.cause as Error).cause).toMatchObject(fields);
    expect(Object.keys((cause.cause as Error).cause as object)).toEqual(["code", "status"]);
    expect((await failureOf(refuse("own key"))).cause).toMatchObject(fields);
    expect((await failureOf(refuse("text"))).cause).toBe("of text");
    expect(await failureOf(refuse("circle"))).toMatchObject({
      message: "outer",
      cause: { message: "outer" },
    });
    const retries = await failureOf(refuse("retries"));
    expect(retries).toMatchObject({ name: "RetryError", errors: [fields] });
    expect(retries).not.toBeInstanceOf(AggregateError);
    const any = (await failureOf(refuse("any"))) as Error as AggregateError;
    expect(any).toBeInstanceOf(AggregateError);
    expect(any.message).toBe("All promises were rejected");
    expect(any.errors).toMatchObject([fields, { message: "b", cause: fields }]);
    expect(any.errors[0].stack).toContain("inner");
  });

  test("in a run it is located, retried and collected like any other", async () => {
    const refuse = on<typeof work.refuse>("refuse");
    const asks = node({ name: "Asks", exec: (_: unknown, ctx) => refuse("no", ctx), attempts: 2 });
    const error = await failureOf(new Flow(asks, { name: "Main" }).run({}));
    expect(locate(error)).toMatchObject({ path: ["Main", "Asks"], attempt: 1 });
  });

  test.each([
    [
      "a module that does not exist",
      new URL("./modules/nowhere.js", import.meta.url),
      "a",
      /"a" of nowhere\.js could not be loaded.*Cannot find module/,
    ],
    [
      "a package that is not there",
      "data:text/javascript,import 'not-there-at-all'",
      "default",
      /could not be loaded/,
    ],
    ["a module that throws", "data:text/javascript,throw new Error('half built')", "default", /half built/],
    [
      "no such export",
      url,
      "hsah",
      /expected the export "hsah" to be a function, got no such export; its functions are .*hash/,
    ],
    ["an export that is no function", url, "answer", /to be a function, got a value of type number/],
    ["no default export", "data:text/javascript,export const a = 1", "default", /it exports no function/],
  ])("%s", async (_what, from, name, message) => {
    const error = await failureOf(asyncify(from, name)());
    expect(error).toBeInstanceOf(SluiceError);
    expect(error.code).toBe("UNLOADABLE");
    expect(error.message).toMatch(message);
    expect(await hash("a")).toBe(hashOfA);
  });

  test("an argument that cannot be cloned", async () => {
    const error = await failureOf(asyncify((x: unknown) => x, { name: "echo" })({ deep: () => 1 }));
    expect(error).toMatchObject({ code: "NOT_CLONEABLE" });
    expect(error.message).toMatch(
      /^echo: .* cannot be sent between threads \(.*could not be cloned\.\); send plain data/,
    );
  });

  test("a result that cannot be cloned, and the pool goes on", async () => {
    const pool = new ThreadPool({ threads: 1 });
    const give = asyncify(() => ({ deep: () => 1 }), { pool });
    for (const each of await Promise.all([failureOf(give()), failureOf(give())])) {
      expect(each).toMatchObject({ code: "NOT_CLONEABLE" });
    }
    expect(await asyncify(() => 1, { pool })()).toBe(1);
    await pool.close();
  });

  test.each([
    [
      "a relative path",
      () => asyncify("./work.js", "hash"),
      /write new URL\("\.\/work\.js", import\.meta\.url\)/,
    ],
    ["a web address", () => asyncify("https://example.com/a.js"), /a URL \(file:, data: or node:\)/],
    ["nothing", () => asyncify(undefined as never), /expected `module` to be a function, or a module/],
    ["an empty name", () => asyncify(url, ""), /expected `exportName` to be the name of an export/],
    [
      "an unknown option",
      () => asyncify(url, "hash", { pol: 1 } as never),
      /unknown option `pol`; did you mean `pool`\?/,
    ],
    [
      "an option of the pool",
      () => asyncify(() => 1, { threads: 2 } as never),
      /\{ pool: new ThreadPool\(\{ threads: … \}\) \}/,
    ],
    ["an option of a call", () => asyncify(() => 1, { signal: 2 } as never), /a signal belongs to one call/],
    ["no pool", () => asyncify(() => 1, { pool: {} as never }), /expected `pool` to be a ThreadPool/],
    ["ahead of nothing", () => asyncify(() => 1, { ahead: 0 }), /expected `ahead` to be a positive integer/],
    [
      "a misspelt option of a call",
      () => hash("a", 1, { signal: new AbortController().signal, tranfer: [] } as never),
      /did you mean `transfer`\?/,
    ],
    [
      "a transfer that is no list",
      () => hash("a", 1, { transfer: new ArrayBuffer(1) } as never),
      /expected `transfer` to be an array/,
    ],
  ])("%s, before anything starts", (_what, act, message) => {
    expect(act).toThrow(message);
  });
});

describe("transferables", () => {
  test("go over without a copy, and are gone here", async () => {
    const bytes = new Uint8Array(1_000);
    const size = on<typeof work.size>("size");
    expect(await size(bytes)).toBe(1_000);
    expect(bytes.byteLength).toBe(1_000);
    expect(await size(bytes, { transfer: [bytes.buffer] })).toBe(1_000);
    expect(bytes.byteLength).toBe(0);
    const more = new Uint8Array(10);
    // A function that was never called before is looked at first; its buffers are not lost over that.
    expect(await on<typeof work.size>("size")(more, { transfer: [more.buffer] })).toBe(10);
    expect(more.byteLength).toBe(0);
  });

  test("come back without a copy, marked with move()", async () => {
    const blank = await on<typeof work.blank>("blank")(5);
    expect([...blank]).toEqual([7, 7, 7, 7, 7]);
    expect(await on<typeof work.record>("record")()).toMatchObject({ width: 10, pixels: { length: 1_000 } });
  });

  test("cannot be sent twice: a clear error", async () => {
    const bytes = new Uint8Array(10);
    const size = asyncify((each: Uint8Array) => each.byteLength);
    await size(bytes, { transfer: [bytes.buffer] });
    expect(await failureOf(size(bytes, { transfer: [bytes.buffer] }))).toMatchObject({
      code: "NOT_CLONEABLE",
    });
  });
});
