import { expect, test } from "vitest";
import { z } from "zod";
import type { Model, ToolCall } from "../lib/model.js";
import { createToolFlow, type Shared, tool } from "./tool-calls.js";

/** Runs with the calls of each turn; then the model answers. No call ends before so many have begun. */
async function run(turns: Omit<ToolCall, "id">[][], together = 1) {
  const begun: (() => void)[] = [];
  const half = tool({
    description: "",
    input: z.object({ n: z.number() }),
    run: async ({ n }) => {
      await new Promise<void>((resolve) => {
        begun.push(resolve);
        if (begun.length >= together) for (const go of begun) go();
      });
      if (n === 0) throw new Error("nothing to halve");
      return n / 2;
    },
  });
  const act: Model["act"] = async () => {
    const calls = (turns.shift() ?? []).map((call, at) => ({ ...call, id: `c${at}` }));
    return { calls, text: calls.length > 0 ? "" : "Done.", message: { role: "assistant", content: null } };
  };
  const shared: Shared = { messages: [], calls: [] };
  await createToolFlow({ act } as Partial<Model> as Model, { half }).run(shared, { maxSteps: 10 });
  const results = shared.messages
    .filter(({ role }) => role === "tool")
    .map(({ content }) => JSON.parse(String(content)));
  return { results, answer: shared.answer };
}

test("the calls of one turn run at once, and their results are in order", async () => {
  const call = (n: number) => ({ name: "half", args: { n } });
  expect(await run([[call(2), call(8)], [call(4)]], 2)).toEqual({ results: [1, 4, 2], answer: "Done." });
});

test("what is wrong with a call goes back to the model", async () => {
  const { results, answer } = await run([
    [
      { name: "double", args: {} },
      { name: "half", args: { n: "two" } },
      { name: "half", args: { n: 0 } },
    ],
  ]);
  expect(results).toEqual([
    { error: "There is no tool double" },
    { error: expect.stringContaining("expected number, received string") },
    { error: "nothing to halve" },
  ]);
  expect(answer).toBe("Done.");
});
