import { openJournal } from "sluice/journal";
import { expect, test } from "vitest";
import type { Model } from "../lib/model.js";
import { BatchApi, createBatchFlow, runIdOf, type Shared } from "./batch-api.js";

type Request = { custom_id: string; body: { messages: { content: string }[] } };
type Reply = { content?: string; refusal?: string; finish_reason?: string } | undefined;

/** A vendor whose batches end when `isDone` says so. It answers by the last word of a document. */
function vendorOf(answer: (word: string, attempt: string) => Reply, isDone = () => true) {
  const files: string[] = [];
  const batches: { id: string; metadata: { run: string }; input_file_id: string }[] = [];
  const looks: (() => void)[] = [];
  const lineOf = ({ custom_id, body }: Request) => {
    const reply = answer(
      body.messages[0]?.content.split(/\s+/).at(-1) ?? "",
      custom_id.split("-").at(-1) ?? "",
    );
    if (reply === undefined) return { custom_id, error: { message: "500" } };
    const { finish_reason = "stop", ...message } = reply;
    const usage = { total_tokens: 10 };
    return {
      custom_id,
      response: { status_code: 200, body: { choices: [{ message, finish_reason }], usage } },
    };
  };
  const client = {
    files: {
      create: async ({ file }: { file: File }) => ({ id: String(files.push(await file.text()) - 1) }),
      content: async (id: string) => new Response(files[Number(id)]),
    },
    batches: {
      list: async function* () {
        yield* batches;
      },
      create: async (batch: { metadata: { run: string }; input_file_id: string }) => {
        const made = { ...batch, id: `batch_${batches.length}` };
        batches.push(made);
        return made;
      },
      retrieve: async (id: string) => {
        for (const look of looks.splice(0)) look();
        const { input_file_id } = batches.find((batch) => batch.id === id) ?? { input_file_id: "0" };
        if (!isDone()) return { id, status: "in_progress" };
        const lines = requestsOf(input_file_id).map((request) => JSON.stringify(lineOf(request)));
        return { id, status: "completed", output_file_id: String(files.push(lines.join("\n")) - 1) };
      },
    },
  };
  const requestsOf = (id: string): Request[] =>
    (files[Number(id)] ?? "").split("\n").map((line) => JSON.parse(line));
  const sizes = () => batches.map(({ input_file_id }) => requestsOf(input_file_id).length);
  const looked = () => new Promise<void>((resolve) => looks.push(resolve));
  return { model: { vendor: { client, model: "m" } } as unknown as Pick<Model, "vendor">, sizes, looked };
}

const documents = ["a", "b", "c"].map((word) => ({ file: `${word}.md`, text: `about ${word}` }));
async function start({ model }: { model: Pick<Model, "vendor"> }, options: object = {}) {
  const shared: Shared = { documents, summaries: {} };
  const runId = runIdOf(documents);
  const error = await createBatchFlow(new BatchApi(model, 1, 1))
    .run(shared, { runId, ...options })
    .then(
      () => undefined,
      (reason) => reason,
    );
  return { error, summaries: shared.summaries };
}
const upper = (word: string): Reply => ({ content: word.toUpperCase() });

test("all calls of a node are one batch, and each gets its own answer", async () => {
  const vendor = vendorOf(upper);
  const { summaries } = await start(vendor);
  expect(summaries).toEqual({ "a.md": { summary: "A" }, "b.md": { summary: "B" }, "c.md": { summary: "C" } });
  expect(vendor.sizes()).toEqual([3]);
});

test("a run that was stopped waits for the same batch when it starts again", async () => {
  let isDone = false;
  const vendor = vendorOf(upper, () => isDone);
  await using journal = await openJournal(":memory:");
  const drain = new AbortController();
  void vendor.looked().then(() => drain.abort(new Error("Ctrl-C")));
  const first = await start(vendor, { journal, drain: drain.signal });
  expect(first.error).toEqual(new Error("Ctrl-C"));
  isDone = true;
  const second = await start(vendor, { journal });
  expect(Object.keys(second.summaries)).toHaveLength(3);
  expect(vendor.sizes()).toEqual([3]);
});

test("a request that failed goes into another batch, alone", async () => {
  const vendor = vendorOf((word, attempt) => (word === "b" && attempt === "0" ? undefined : upper(word)));
  const { summaries } = await start(vendor);
  expect(summaries["b.md"]).toEqual({ summary: "B" });
  expect(vendor.sizes()).toEqual([3, 1]);
});

test.each([
  [{ refusal: "no" }, "The model refuses: no"],
  [{ content: "half", finish_reason: "length" }, "The answer is not whole: length."],
  [{ content: "half", finish_reason: "content_filter" }, "The answer is not whole: content_filter."],
])("%j is an error, and not asked for again", async (reply, error) => {
  const vendor = vendorOf((word) => (word === "b" ? reply : upper(word)));
  const { summaries } = await start(vendor);
  expect(summaries["b.md"]).toEqual({ error });
  expect(vendor.sizes()).toEqual([3]);
});
