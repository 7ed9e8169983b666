// The recipe batch-api over HTTP: the real SDK, and the stand-in of the vendor's endpoints.
import OpenAI from "openai";
import { Gate } from "sluice";
import { expect, test } from "vitest";
import { BatchApi, createBatchFlow, type Shared } from "../../cookbook/batch-api/batch-api.js";
import { createModel } from "../../cookbook/lib/model.js";
import { start } from "../../cookbook/stand-ins/batch-api.js";

test("documents go out in one file and one batch, also for a run that starts again", async () => {
  const client = new OpenAI({ apiKey: "key", baseURL: await start(), maxRetries: 0 });
  const model = createModel(client, new Gate({ concurrency: 1 }), "m", "e");
  const run = async () => {
    const documents = ["The lock has gates.", "The mill has wheels."].map((text, at) => ({
      file: `${at}`,
      text,
    }));
    const shared: Shared = { documents, summaries: {} };
    await createBatchFlow(new BatchApi(model, 1, 1)).run(shared, { runId: "r" });
    return shared.summaries;
  };
  const summaries = { 0: { summary: "The lock has gates." }, 1: { summary: "The mill has wheels." } };
  expect(await run()).toEqual(summaries);
  expect(await run()).toEqual(summaries); // without a journal: found at the vendor
  expect((await client.batches.list()).data).toHaveLength(1);
});

test("a service without these endpoints is an error for each document, and asked once", async () => {
  const client = new OpenAI({ apiKey: "key", baseURL: `${await start()}/nowhere`, maxRetries: 0 });
  const model = createModel(client, new Gate({ concurrency: 1 }), "m", "e");
  const shared: Shared = { documents: [{ file: "a", text: "a" }], summaries: {} };
  await createBatchFlow(new BatchApi(model, 1, 1)).run(shared);
  expect(shared.summaries.a?.error).toMatch(/404/);
});
