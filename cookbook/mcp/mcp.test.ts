import { afterAll, beforeAll, expect, test } from "vitest";
import type { Model, ToolCall } from "../lib/model.js";
import { createMcpFlow, type Shared } from "./mcp.js";
import { connectTools, type Tools } from "./tools.js";

// A real client and a real server, over the protocol within this process.
let server: Tools;
beforeAll(async () => void (server = await connectTools("", new AbortController().signal)));
afterAll(() => server.close());

/** Runs with the calls of each turn; then the model answers. */
async function run(turns: Omit<ToolCall, "id">[][], tools = server) {
  const offered: string[][] = [];
  const act: Model["act"] = async (_messages, definitions) => {
    offered.push(definitions.map(({ name }) => name));
    const calls = (turns.shift() ?? []).map((call, at) => ({ ...call, id: `c${at}` }));
    return { calls, text: calls.length > 0 ? "" : "Done.", message: { role: "assistant", content: null } };
  };
  const shared: Shared = { messages: [] };
  await createMcpFlow({ act } as Partial<Model> as Model, tools).run(shared, { maxSteps: 10 });
  const results = shared.messages.flatMap(({ role, content }) => (role === "tool" ? [String(content)] : []));
  return { results, offered, answer: shared.answer };
}

test("the model is offered what the server lists, and gets the results of its calls in order", async () => {
  const { results, offered, answer } = await run([
    [
      { name: "convert_length", args: { value: 2, from: "mile", to: "foot" } },
      { name: "days_between", args: { from: "2024-02-01", to: "2024-03-01" } },
    ],
  ]);
  expect(offered[0]).toEqual(["convert_length", "days_between"]);
  expect(results).toEqual(["2 mile = 10560 foot", "29 days from 2024-02-01 to 2024-03-01"]);
  expect(answer).toBe("Done.");
});

test("what does not fit the tool's own schema goes back to the model, and not to the server", async () => {
  const called: string[] = [];
  const watched: Tools = {
    ...server,
    call: async (name, args, signal) => {
      called.push(name);
      return server.call(name, args, signal);
    },
  };
  const { results } = await run(
    [
      [
        { name: "convert_length", args: { value: "2", from: "mile", to: "foot" } },
        { name: "fly", args: {} },
      ],
    ],
    watched,
  );
  expect(results).toEqual([
    "The arguments do not fit the schema: data/value must be number.",
    "There is no tool fly, only convert_length, days_between.",
  ]);
  expect(called).toEqual([]);
});

test("a tool that fails says so to the model", async () => {
  const args = { from: "2024-03-01", to: "2024-02-01" };
  const { results } = await run([[{ name: "days_between", args }]]);
  expect(results).toEqual(["2024-02-01 is before 2024-03-01"]);
  const gone = { ...server, call: () => Promise.reject(new Error("gone")) };
  expect((await run([[{ name: "days_between", args }]], gone)).results).toEqual(["The tool failed: gone"]);
});
