import { expect, test } from "vitest";
import { AnswerError, type Model } from "../lib/model.js";
import { createAgentFlow, type Shared } from "./agent.js";

const library = { search: (query: string) => [{ source: "locks.md", text: `About ${query}.` }] };
type Decision = { thought: string; action: "search" | "answer"; query: string };

function run(decide: (searches: number, lastError: unknown) => Decision, maxSteps = 10) {
  const shared: Shared = { question: "Who?", findings: [] };
  const json = async (
    _name: string,
    _schema: unknown,
    _prompt: unknown,
    { lastError }: { lastError?: unknown },
  ) => decide(shared.findings.length, lastError);
  const model: Partial<Model> = {
    calls: { attempts: 2 } as Model["calls"],
    json: json as Model["json"],
    chat: async (prompt) => `from ${/About \w+/.exec(String(prompt))?.[0]}`,
  };
  return { shared, ended: createAgentFlow(model as Model, library).run(shared, { maxSteps }) };
}
const search = (query: string): Decision => ({ thought: "", action: "search", query });

test("it searches, decides again in view of what was found, and answers from it", async () => {
  const { shared, ended } = run((searches) =>
    searches < 2 ? search(`lock${searches}`) : { ...search(""), action: "answer" },
  );
  await ended;
  expect(shared.findings.map(({ query }) => query)).toEqual(["lock0", "lock1"]);
  expect(shared.answer).toBe("from About lock0");
});

test("a search without keywords is invalid, and the next attempt gets the reason", async () => {
  const errors: unknown[] = [];
  const { ended } = run((_, lastError) => {
    errors.push(lastError);
    return lastError ? { ...search(""), action: "answer" } : search(" ");
  });
  await ended;
  expect(errors[1]).toEqual(new AnswerError("Expected keywords to search for, got none"));
});

test("maxSteps ends it, whatever the model wants", async () => {
  const { shared, ended } = run(() => search("more"), 6);
  await expect(ended).rejects.toMatchObject({ code: "MAX_STEPS" });
  expect(shared.findings).toHaveLength(3);
  expect(shared.answer).toBeUndefined();
});
