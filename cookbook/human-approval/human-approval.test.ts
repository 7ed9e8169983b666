import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Journal, openJournal } from "sluice/journal";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Model } from "../lib/model.js";
import { createApprovalFlow, goOn, type Question, unfinished, waitingIn } from "./human-approval.js";
import { createPage } from "./page.js";

let folder: string;
let drafts: string[];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "approval-"));
  drafts = [];
});
afterEach(() => rmSync(folder, { recursive: true }));

/** Does what a process does: opens the journal of the others, and has nothing else of them. */
async function inProcess<T>(
  work: (journal: Journal, flow: ReturnType<typeof flowOf>) => Promise<T>,
): Promise<T> {
  await using journal = await openJournal(join(folder, "runs.db"));
  return await work(journal, flowOf());
}
const flowOf = () => {
  const chat: Model["chat"] = async (messages) => {
    const said = (messages as { role: string; content: string }[]).filter(({ role }) => role === "user");
    const text = said.map(({ content }) => content).join(", ");
    if (text === "broken") throw new Error("no model today");
    drafts.push(text);
    return text;
  };
  return createApprovalFlow({ chat } as Partial<Model> as Model, join(folder, "out"));
};
const published = () =>
  readdirSync(join(folder, "out")).map((file) => readFileSync(join(folder, "out", file), "utf8"));
const post = (path: string, body?: unknown) =>
  new Request(`http://127.0.0.1${path}`, {
    method: "POST",
    ...(body !== undefined && {
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    }),
  });

test("asked in one process, answered in others by page and by command, published by a third", async () => {
  await inProcess(async (journal, flow) => {
    expect(await goOn(flow, journal, ["tea", "jam"], [])).toEqual([]);
    expect((await waitingIn(journal, "runs.db")).join()).toContain("tea, draft 1:");
  });
  await inProcess(async (journal, flow) => {
    const page = await createPage(flow, journal);
    const questions = (await (await page(new Request("http://127.0.0.1/questions"))).json()) as {
      run: string;
      token: string;
      question: Question;
    }[];
    const jam = questions.find(({ question }) => question.topic === "jam");
    const answer = { verdict: "reject", feedback: "with butter" };
    const path = `/runs/${jam?.run}/answers/${jam?.token}`;
    expect((await page(post(path, { answer }))).status).toBe(204);
    expect((await page(post(path, { answer }))).status).toBe(404); // a decision counts once
  });
  await inProcess(async (journal) => {
    // What `npx sluice runs answer` does. It knows nothing of the flow.
    const tea = (await journal.questions()).find(({ question }) => (question as Question).topic === "tea");
    await journal.answer(tea?.token ?? "", { verdict: "approve" });
  });
  await inProcess(async (journal, flow) => {
    expect(await goOn(flow, journal, [], await unfinished(journal))).toEqual([]);
    expect(published()).toEqual(["tea\n"]);
    const [jam] = await journal.questions();
    expect(jam?.question).toMatchObject({
      text: "jam, with butter",
      rejected: [{ feedback: "with butter" }],
    });
    expect(drafts.sort()).toEqual(["jam", "jam, with butter", "tea"]); // no draft is paid for twice
  });
});

test("the page starts a run, and goes on with it after the answer", async () => {
  await inProcess(async (journal, flow) => {
    const page = await createPage(flow, journal);
    expect((await page(new Request("http://127.0.0.1/"))).headers.get("content-type")).toContain("text/html");
    expect((await page(post("/", { topic: " " }))).status).toBe(400);
    expect((await page(post("/", { topic: "tea" }))).status).toBe(202);
    const [asked] = await journal.questions();
    await page(
      post(`/runs/${asked?.run}/answers/${asked?.token}`, { answer: { verdict: "edit", text: "Mine." } }),
    );
    const done = (await (await page(post(`/runs/${asked?.run}`))).json()) as { path: string };
    expect(readFileSync(done.path, "utf8")).toBe("Mine.\n");
  });
});

test("a wrong answer opens the question again, and nothing is published", async () => {
  await inProcess(async (journal, flow) => {
    await goOn(flow, journal, ["tea"], []);
    const [first] = await journal.questions();
    await journal.answer(first?.token ?? "", { verdict: "maybe" });
    await goOn(flow, journal, [], await unfinished(journal));
    expect(await journal.questions()).toHaveLength(1);
    expect(published).toThrow("ENOENT");
  });
});

test("a draft that fails leaves the others alone, and goes on with the next start", async () => {
  await inProcess(async (journal, flow) => {
    expect(await goOn(flow, journal, ["broken", "tea"], [])).toEqual([new Error("no model today")]);
    expect(await journal.questions()).toHaveLength(1);
    expect(await unfinished(journal)).toHaveLength(2);
  });
});
