import type { StandardSchemaV1 } from "@standard-schema/spec";
import { Flow, node, SluiceError } from "sluice";
import { createHandler, type HandlerOptions, type StandardSchema } from "sluice/serve";
import { describe, expect, expectTypeOf, test, vi } from "vitest";
import { z } from "zod";
import { piecewise, post } from "../../support/requests.js";

interface Shared {
  n: number;
  doubled?: number;
}
const double = new Flow(
  node({
    prep: (shared: Shared) => shared.n,
    exec: (n) => n * 2,
    post: (shared, _n, doubled) => {
      shared.doubled = doubled;
    },
  }),
);
/** Answers the whole store. */
const output = (shared: object) => shared;
const inputOf = (n: number): Shared => ({ n });
const ask = async (handler: (request: Request) => Promise<Response>, request: Request) => {
  const response = await handler(request);
  const text = await response.text();
  return { status: response.status, headers: response.headers, body: text === "" ? "" : JSON.parse(text) };
};

describe("a request becomes a run", () => {
  test("JSON in is the store, and what `output` gives comes out as JSON", async () => {
    const { status, headers, body } = await ask(createHandler(double, { output }), post(inputOf(21)));
    expect(status).toBe(200);
    expect(headers.get("content-type")).toBe("application/json");
    expect(body).toEqual({ n: 21, doubled: 42 });
  });

  test("`toShared` makes the store, `output` picks the answer, and both may be async", async () => {
    const handler = createHandler(double, {
      input: z.object({ number: z.string() }),
      toShared: async ({ number }, request) => ({ n: Number(number) + request.url.length }),
      output: async ({ doubled }) => ({ doubled }),
    });
    const { body } = await ask(handler, post({ number: "4" }));
    expect(body).toEqual({ doubled: 2 * (4 + "http://localhost/flow".length) });
  });

  test("`input` may change what it checks: a schema's output is what counts", async () => {
    const input = z.object({ n: z.string().transform(Number), extra: z.number().default(1) });
    const { body } = await ask(
      createHandler(double as Flow<Shared & { extra: number }>, { input, output }),
      post({ n: "5" }),
    );
    expect(body).toEqual({ n: 5, extra: 1, doubled: 10 });
  });

  test("an output of nothing is null", async () => {
    const { body } = await ask(createHandler(double, { output: () => undefined }), post(inputOf(1)));
    expect(body).toBe(null);
  });

  test("a hundred runs at once on one flow object do not mix", async () => {
    const slow = node({
      prep: (shared: Shared) => shared.n,
      exec: async (n) => {
        await new Promise((resolve) => setTimeout(resolve, n % 7));
        return n * 2;
      },
      post: (shared, _n, doubled) => {
        shared.doubled = doubled;
      },
    });
    const handler = createHandler(new Flow(slow), { output: (shared) => shared.doubled });
    const all = await Promise.all(Array.from({ length: 100 }, (_, n) => ask(handler, post(inputOf(n)))));
    expect(all.map(({ body }) => body)).toEqual(Array.from({ length: 100 }, (_, n) => n * 2));
  });

  test("its schema is that of the standard, to the compiler too", () => {
    expectTypeOf<StandardSchemaV1<unknown, Shared>>().toExtend<StandardSchema<Shared>>();
    expectTypeOf<StandardSchema<Shared>>().toExtend<StandardSchemaV1<unknown, Shared>>();
  });

  test("the types hold `toShared` to the schema and to the store", () => {
    const input = z.object({ number: z.string() });
    createHandler(double, {
      input,
      toShared: (given) => {
        expectTypeOf(given).toEqualTypeOf<{ number: string }>();
        return { n: 1 };
      },
    });
    // @ts-expect-error the schema gives no store, so `toShared` is missing
    createHandler(double, { input });
    // @ts-expect-error this is no store of the flow
    createHandler(double, { input, toShared: () => ({ m: 1 }) });
  });
});

describe("400, with the path of the fault", () => {
  const input = z.object({ rooms: z.array(z.object({ name: z.string() })) });
  const handler = createHandler(new Flow(node({})), { input });

  test("for what the schema refuses", async () => {
    const { status, body } = await ask(handler, post({ rooms: [{ name: "a" }, { name: 7 }] }));
    expect(status).toBe(400);
    expect(body.error).toMatchObject({ status: 400, message: "Invalid input" });
    expect(body.error.issues).toEqual([
      { path: ["rooms", 1, "name"], message: expect.stringMatching(/string/) },
    ]);
  });

  test("for what an async schema made by hand refuses, whatever form its path has", async () => {
    const byHand: StandardSchema<object> = {
      "~standard": {
        version: 1,
        vendor: "hand",
        validate: async () => ({
          issues: [{ message: "no", path: [{ key: "a" }, 0, Symbol("s")] }, { message: "never" }],
        }),
      },
    };
    const { status, body } = await ask(createHandler(new Flow(node({})), { input: byHand }), post({}));
    expect(status).toBe(400);
    expect(body.error.issues).toEqual([
      { path: ["a", 0, "Symbol(s)"], message: "no" },
      { path: [], message: "never" },
    ]);
  });

  test.each([
    ["broken JSON", '{"rooms": [', /^Expected a JSON document: .*JSON/],
    ["no JSON", "hello", /^Expected a JSON document: /],
    ["an empty body", " ", /got an empty body/],
  ])("for %s", async (_, text, message) => {
    const { status, body } = await ask(handler, post(text));
    expect(status).toBe(400);
    expect(body.error.issues).toEqual([{ path: [], message: expect.stringMatching(message) }]);
  });

  test("for a body that is no UTF-8, and for one that breaks off", async () => {
    const send = (body: ReadableStream) => ask(handler, post("", { body, duplex: "half" } as RequestInit));
    const noText = await send(piecewise([new Uint8Array([123, 255, 254, 125])]));
    expect([noText.status, noText.body.error.message]).toEqual([400, "Expected the body to be UTF-8"]);
    const broken = await send(
      new ReadableStream({
        pull: (controller) => controller.error(new Error("gone")),
      }),
    );
    expect([broken.status, broken.body.error.message]).toEqual([400, "The body broke off"]);
  });

  test("for JSON that is no object, where it would be the store", async () => {
    for (const text of ["7", "null", "[]", '"text"']) {
      const { status, body } = await ask(createHandler(double), post(text));
      expect([status, body.error.message]).toEqual([400, "Expected a JSON object"]);
    }
  });

  test("lists at most twenty faults, however many there are", async () => {
    const { body } = await ask(handler, post({ rooms: Array.from({ length: 500 }, () => ({})) }));
    expect(body.error.issues).toHaveLength(20);
  });
});

describe("other requests are refused before anything is read", () => {
  const handler = createHandler(double, { output });

  test("405 with Allow for another method, and OPTIONS lists the methods", async () => {
    for (const method of ["GET", "PUT", "DELETE", "HEAD", "PATCH"]) {
      const response = await handler(new Request("http://localhost/", { method }));
      expect([response.status, response.headers.get("allow")]).toEqual([405, "POST, OPTIONS"]);
      if (method === "HEAD") expect(response.body).toBe(null);
    }
    const response = await handler(new Request("http://localhost/", { method: "OPTIONS" }));
    expect([response.status, response.headers.get("allow")]).toEqual([204, "POST, OPTIONS"]);
  });

  test("415 for another content type, for none, and for a compressed body", async () => {
    for (const type of ["text/plain", "application/jsonp", "multipart/form-data; boundary=x", ""]) {
      const request = post(inputOf(1), { headers: { "content-type": type } });
      if (type === "") request.headers.delete("content-type");
      const { status, body } = await ask(handler, request);
      expect([status, body.error.message]).toEqual([
        415,
        `Expected the content type application/json, got ${type === "" ? "none" : JSON.stringify(type)}`,
      ]);
    }
    const { status } = await ask(handler, post(inputOf(1), { headers: { "content-encoding": "gzip" } }));
    expect(status).toBe(415);
  });

  test("JSON is known by any of its names", async () => {
    for (const type of ["application/json; charset=utf-8", "APPLICATION/JSON", "application/vnd.api+json"]) {
      expect((await ask(handler, post(inputOf(1), { headers: { "content-type": type } }))).status).toBe(200);
    }
  });
});

describe("413 for a body over `limits.body`", () => {
  const handler = createHandler(double, { output, limits: { body: 100 } });
  const large = JSON.stringify({ n: 1, text: "x".repeat(100) });

  test("at once where Content-Length says so", async () => {
    const body = piecewise(
      (function* () {
        yield expect.unreachable("nothing is read");
      })(),
    );
    const headers = { "content-length": "101" };
    const { status } = await ask(handler, post("", { body, headers, duplex: "half" } as RequestInit));
    expect(status).toBe(413);
  });

  test.each([{}, { "content-length": "10" }])(
    "by counting where it is absent or lies: %o, and no further than the limit",
    async (headers: Record<string, string>) => {
      let given = 0;
      const endless = piecewise(
        (function* () {
          for (;;) {
            given += 10;
            yield "0123456789";
          }
        })(),
      );
      const { status, body } = await ask(
        handler,
        post("", { body: endless, headers, duplex: "half" } as RequestInit),
      );
      expect([status, body.error.message]).toEqual([413, "Expected a body of at most 100 bytes"]);
      expect(given).toBeLessThanOrEqual(120);
    },
  );

  test("bytes count, not letters, and a body of just the limit passes", async () => {
    expect((await ask(handler, post(large))).status).toBe(413);
    const text = JSON.stringify({ n: 1, text: "ä".repeat(42) });
    expect(new TextEncoder().encode(text).length).toBe(101);
    expect((await ask(handler, post(text))).status).toBe(413);
    expect((await ask(handler, post(text.replace("ä", "a")))).status).toBe(200);
  });
});

test("408 for a body that does not come in within `limits.arrival`", async () => {
  const handler = createHandler(double, { limits: { arrival: 10, running: 1 } });
  const body = new ReadableStream({ pull: () => new Promise(() => {}) });
  const { status } = await ask(handler, post("", { body, duplex: "half" } as RequestInit));
  expect(status).toBe(408);
  expect(handler.stats().running).toBe(0);
});

describe("500 without internals", () => {
  const secret = new Error("password hunter2 is wrong at db.internal");
  const failing = new Flow(
    node({
      exec: () => {
        throw secret;
      },
    }),
  );
  const cases: [string, HandlerOptions, Flow][] = [
    ["the flow", {}, failing],
    ["toShared", { toShared: () => Promise.reject(secret) }, double],
    [
      "output",
      {
        output: () => {
          throw secret;
        },
      },
      double,
    ],
    [
      "the schema itself",
      { input: { "~standard": { version: 1, vendor: "x", validate: () => Promise.reject(secret) } } },
      double,
    ],
  ];
  test.each(cases)(
    "when %s fails the caller gets no detail, and `onError` gets the error",
    async (_, options, flow) => {
      const onError = vi.fn();
      const request = post(inputOf(1));
      const { status, body } = await ask(createHandler(flow, { ...options, onError }), request);
      expect(status).toBe(500);
      expect(body).toEqual({ error: { status: 500, message: "The flow failed" } });
      await Promise.resolve();
      expect(onError.mock.calls).toEqual([[secret, request]]);
    },
  );

  test("when the output has no JSON", async () => {
    const onError = vi.fn();
    const { status } = await ask(createHandler(double, { output: () => 1n, onError }), post(inputOf(1)));
    expect(status).toBe(500);
    await Promise.resolve();
    expect(onError.mock.calls[0]?.[0]).toMatchObject({ code: "INVALID_OUTPUT" });
  });

  test("without `onError` the process is warned, and an `onError` that fails changes nothing", async () => {
    const warnings: string[] = [];
    const listen = (warning: Error & { code?: string }) =>
      warnings.push(`${warning.code}: ${warning.message}`);
    process.on("warning", listen);
    const onError = () => Promise.reject(new Error("no disk"));
    expect((await ask(createHandler(failing), post({}))).status).toBe(500);
    expect((await ask(createHandler(failing, { onError }), post({}))).status).toBe(500);
    await vi.waitFor(() => expect(warnings).toHaveLength(2));
    process.off("warning", listen);
    expect(warnings[0]).toMatch(/^SLUICE_REQUEST_FAILED: A request failed: .*hunter2/);
    expect(warnings[1]).toMatch(/^SLUICE_LISTENER_FAILED: `onError` of a handler failed: Error: no disk/);
  });
});

describe("invalid options throw at once", () => {
  test.each<[unknown, unknown, string, string]>([
    [{}, {}, "INVALID_NODE", "createHandler(): expected a node or a flow"],
    [double, { inputs: 1 }, "UNKNOWN_OPTION", "did you mean `input`?"],
    [double, { input: {} }, "INVALID_OPTION", "a Standard Schema, such as one of zod"],
    [double, { toShared: 1 }, "INVALID_OPTION", "`toShared` to be a function"],
    [double, { output: [1] }, "INVALID_OPTION", "an array of keys of the store"],
    [double, { origins: ["https://app.example/"] }, "INVALID_OPTION", "without a path"],
    [double, { origins: "https://app.example" }, "INVALID_OPTION", "an array of origins"],
    [double, { around: 1 }, "INVALID_OPTION", "`around`"],
    [double, { events: {} }, "INVALID_OPTION", "`events`"],
    [double, { drain: {} }, "INVALID_OPTION", "an AbortSignal"],
    [double, { timeout: 0 }, "INVALID_OPTION", "`timeout`"],
    [double, { maxSteps: 0 }, "INVALID_OPTION", "`maxSteps`"],
    [double, { limits: { key: 1 } }, "INVALID_OPTION", "`key`"],
    [double, { limits: { runing: 1 } }, "UNKNOWN_OPTION", "did you mean `running`?"],
    [double, { limits: { running: 0 } }, "INVALID_OPTION", "createHandler(), limits: expected `running`"],
    [double, { limits: { waiting: -1 } }, "INVALID_OPTION", "a non-negative integer or Infinity"],
    [double, { limits: { body: Number.POSITIVE_INFINITY } }, "INVALID_OPTION", "`body`"],
  ])("%#", (flow, options, code, message) => {
    const make = () => createHandler(flow as Flow, options as HandlerOptions);
    expect(make).toThrow(SluiceError);
    expect(make).toThrow(expect.objectContaining({ code, message: expect.stringContaining(message) }));
  });

  test("an option that is undefined counts as left out", async () => {
    const handler = createHandler(double, {
      limits: { running: undefined },
      output: ["doubled"],
      authorize: undefined,
    } as HandlerOptions);
    expect((await ask(handler, post(inputOf(1)))).status).toBe(200);
  });
});
