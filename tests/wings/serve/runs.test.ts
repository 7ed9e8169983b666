// The runs of a handler with a journal, by their ids.
import { Flow, node } from "sluice";
import { type Journal, openJournal } from "sluice/journal";
import { createHandler, type HandlerOptions, type RemoteError, remote } from "sluice/serve";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { post } from "../../support/requests.js";

interface Letter {
  topic: string;
  draft?: string;
  verdict?: string;
}

let journal: Journal;
let drafts: number;
let flow: Flow<Letter>;
beforeEach(async () => {
  journal = await openJournal(":memory:");
  drafts = 0;
  const write = node({
    name: "Write",
    prep: (shared: Letter) => shared.topic,
    exec: (topic) => {
      drafts++;
      return `about ${topic}`;
    },
    post: (shared, _topic, draft) => {
      shared.draft = draft;
    },
  });
  const approve = node({
    name: "Approve",
    prep: (shared: Letter) => shared.draft,
    exec: (draft, ctx) => ctx.ask<string>({ draft }),
    post: (shared, _draft, verdict) => {
      shared.verdict = verdict;
      return verdict;
    },
  });
  write.next(approve);
  flow = new Flow(write as never, { name: "Letter" });
});
afterEach(() => journal.close());

const mine = (request: Request) => request.headers.get("authorization") === "me";
const handlerOf = (options: HandlerOptions<Letter> = {}) =>
  createHandler(flow, { journal, runs: { authorize: mine }, output: (shared) => shared, ...options });

type Handle = ReturnType<typeof createHandler>;
async function ask(handler: Handle, path: string, body?: unknown, init: RequestInit = {}) {
  const headers: Record<string, string> = { authorization: "me" };
  if (body !== undefined) headers["content-type"] = "application/json";
  const text = body === undefined ? {} : { body: JSON.stringify(body) };
  const method = init.method ?? "POST";
  const response = await handler(
    new Request(`http://localhost/letters${path}`, { headers, ...text, ...init, method }),
  );
  const answer = await response.text();
  return {
    status: response.status,
    id: response.headers.get("x-run-id"),
    body: answer === "" ? undefined : JSON.parse(answer),
  };
}
const get = (handler: Handle, path: string, init: RequestInit = {}) =>
  ask(handler, path, undefined, { ...init, method: "GET" });

describe("a run that waits for a person", () => {
  test("answers 202 with its question, takes the answer, and resumes without asking or paying again", async () => {
    const handler = handlerOf();
    expect(await ask(handler, "/runs/a%2Fb", { topic: "tea" })).toEqual({
      status: 202,
      id: "a%2Fb",
      body: { run: { id: "a/b", state: "suspended" } },
    });
    const { body } = await get(handler, "/runs/a%2Fb");
    expect(body.run).toMatchObject({ id: "a/b", state: "suspended" });
    expect(body.run.questions).toEqual([
      { token: expect.any(String), question: { draft: "about tea" }, path: ["Letter", "Approve"] },
    ]);
    const answers = `/runs/a%2Fb/answers/${encodeURIComponent(body.run.questions[0].token)}`;
    expect((await ask(handler, answers, { answer: "yes" })).status).toBe(204);
    expect(await ask(handler, "/runs/a%2Fb")).toMatchObject({
      status: 200,
      body: { topic: "tea", draft: "about tea", verdict: "yes" },
    });
    expect((await get(handler, "/runs/a%2Fb")).body.run).toMatchObject({
      state: "done",
      action: "yes",
      questions: [],
    });
    expect(await ask(handler, "/runs/a%2Fb")).toMatchObject({ status: 200, body: { verdict: "yes" } });
    expect(drafts).toBe(1);
  });

  test("is reported in a stream too", async () => {
    const headers = { accept: "text/event-stream", "content-type": "application/json" };
    const body = JSON.stringify({ topic: "tea" });
    const response = await handlerOf()(new Request("http://localhost/", { method: "POST", headers, body }));
    const id = response.headers.get("x-run-id") as string;
    expect(await response.text()).toContain(
      `event: suspended\ndata: {"run":{"id":"${id}","state":"suspended"}}`,
    );
    expect(await journal.run(id)).toMatchObject({ state: "suspended" });
  });

  test("is no result for a remote node, as JSON and as a stream", async () => {
    const handler = handlerOf();
    for (const accept of ["text/event-stream", "application/json"]) {
      const call = (input: string | URL | Request, init?: RequestInit) => {
        const request = new Request(input, init);
        request.headers.set("accept", accept);
        return handler(request);
      };
      const far = remote("http://localhost/letters", {
        prep: () => ({ topic: "tea" }),
        fetch: call as typeof fetch,
      } as never);
      const error = (await far.run({} as never).catch((error: unknown) => error)) as RemoteError;
      expect(error).toMatchObject({ code: "REMOTE_FAILED", status: 202 });
      expect(error.message).toContain("waits for a person");
    }
  });
});

describe("the routes of runs", () => {
  test("are 404 for whom `authorize` refuses, whether the run exists or not", async () => {
    const authorize = vi.fn(mine);
    const handler = handlerOf({ runs: { authorize } });
    await ask(handler, "/runs/one", { topic: "tea" });
    const { token } = (await get(handler, "/runs/one")).body.run.questions[0];
    const headers = { authorization: "you", "content-type": "application/json" };
    const unknown = await get(handler, "/runs/none");
    expect(unknown).toMatchObject({ status: 404, body: { error: { message: "There is no such run" } } });
    expect(await get(handler, "/runs/one", { headers })).toEqual(unknown);
    expect(await ask(handler, "/runs/one", { topic: "tea" }, { headers })).toEqual(unknown);
    expect(await ask(handler, `/runs/one/answers/${token}`, { answer: 1 }, { headers })).toEqual(unknown);
    expect(authorize).toHaveBeenLastCalledWith(expect.any(Request), "one");
    expect((await journal.questions()).map((question) => question.token)).toEqual([token]);
  });

  test("are 404 without `runs`, and nothing special without a journal", async () => {
    const closed = handlerOf({ runs: undefined });
    expect((await ask(closed, "/runs/one", { topic: "tea" })).status).toBe(404);
    expect((await get(closed, "/runs/one")).status).toBe(404);
    expect(await journal.runs()).toEqual([]);
    const plain = createHandler(new Flow(node({ post: (shared: { n: number }) => void shared.n++ })));
    expect(await ask(plain, "/runs/one", { n: 1 })).toEqual({ status: 200, id: null, body: { n: 2 } });
  });

  test("go on without a body only with a run that exists", async () => {
    expect((await ask(handlerOf(), "/runs/none")).status).toBe(404);
    expect(await journal.runs()).toEqual([]);
  });

  test("go on with an empty body, as servers of Node give a request without one", async () => {
    const handler = handlerOf();
    await ask(handler, "/runs/one", { topic: "tea" });
    const { token } = (await get(handler, "/runs/one")).body.run.questions[0];
    await ask(handler, `/runs/one/answers/${token}`, { answer: "yes" });
    const send = (text: string, type?: string) => {
      const headers = { authorization: "me", ...(type !== undefined && { "content-type": type }) };
      const body = new Response(text).body;
      const init = { method: "POST", headers, body, duplex: "half" } as RequestInit;
      return handler(new Request("http://localhost/letters/runs/one", init));
    };
    expect((await send('{"topic":"tea"}')).status).toBe(415);
    expect((await send("", "text/plain")).status).toBe(415);
    expect(await (await send("")).json()).toMatchObject({ topic: "tea", verdict: "yes" });
    expect((await send("", "application/json")).status).toBe(200);
  });

  test("refuse another input under a known id, an invalid answer, and an answer to an unknown question", async () => {
    const handler = handlerOf();
    await ask(handler, "/runs/one", { topic: "tea" });
    await ask(handler, "/runs/two", { topic: "tea" });
    expect(await ask(handler, "/runs/one", { topic: "coffee" })).toMatchObject({
      status: 409,
      body: { error: { message: "The run began with another input" } },
    });
    const { token } = (await get(handler, "/runs/one")).body.run.questions[0];
    expect((await ask(handler, `/runs/one/answers/${token}`, { verdict: "yes" })).status).toBe(400);
    expect((await ask(handler, `/runs/two/answers/${token}`, { answer: "yes" })).status).toBe(404);
    expect((await ask(handler, `/runs/one/answers/${token}`, { answer: "yes" })).status).toBe(204);
    expect((await ask(handler, `/runs/one/answers/${token}`, { answer: "no" })).status).toBe(404);
    await journal.cancel("two");
    expect(await ask(handler, "/runs/two")).toMatchObject({ status: 409 });
    expect((await ask(handler, "/runs/%E0%A4%A", { topic: "tea" })).status).toBe(404);
  });

  test("give a run that goes on its transient keys", async () => {
    const seen: unknown[] = [];
    const call = node({
      prep: (shared: { client: () => string }) => shared.client, // no plain data, so prep is called again
      exec: async (client, ctx) => {
        seen.push(client());
        return ctx.ask<string>("go?");
      },
      post: () => undefined,
    });
    flow = new Flow(call as never, { transient: ["client"] }) as never;
    const handler = handlerOf({
      toShared: (input) => ({ ...input, client: () => "first" }) as never,
      output: () => "over",
      runs: { authorize: mine, shared: () => ({ client: () => "second" }) },
    });
    expect((await ask(handler, "/runs/one", { topic: "tea" })).status).toBe(202);
    const { token } = (await get(handler, "/runs/one")).body.run.questions[0];
    await ask(handler, `/runs/one/answers/${token}`, { answer: "yes" });
    expect(await ask(handler, "/runs/one")).toMatchObject({ status: 200, body: "over" });
    expect(seen).toEqual(["first", "second"]);
  });
});

test.each([
  [{ runs: { authorize: mine } }, "`runs`"],
  [{ journal: {} }, "`journal`"],
  [{ journal: "runs.db" }, "`journal`"],
])("invalid options %j throw before any request", (options, named) => {
  expect(() => createHandler(flow, options as never)).toThrow(named);
});
test("`runs` without `authorize` is an error", () => {
  expect(() => createHandler(flow, { journal, runs: {} as never })).toThrow("authorize");
});

test("a handler without a name for the run gives one", async () => {
  const handler = handlerOf();
  const response = await handler(post({ topic: "tea" }));
  const id = response.headers.get("x-run-id") as string;
  expect(id).toMatch(/^[0-9a-f-]{36}$/);
  expect((await get(handler, `/runs/${id}`)).body.run.state).toBe("suspended");
});
