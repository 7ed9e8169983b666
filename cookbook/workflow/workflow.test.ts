import { expect, test } from "vitest";
import { AnswerError, type Model } from "../lib/model.js";
import { createArticleFlow, type Shared } from "./workflow.js";

const json = (async (name: string, _schema: unknown, prompt: string) =>
  name === "outline"
    ? { headings: ["Locks", "Boats"] }
    : { text: `About ${/Section: (.*)/.exec(prompt)?.[1]}.` }) as Model["json"];

test("the article has the sections in the order of the outline", async () => {
  const shared: Shared = { notes: "…" };
  const chat: Model["chat"] = async (prompt) => String(prompt).split("\n\n").slice(1).join("\n\n");
  await createArticleFlow({ json, chat } as Partial<Model> as Model).run(shared);
  expect(shared.article).toBe("## Locks\n\nAbout Locks.\n\n## Boats\n\nAbout Boats.");
});

test("an article that lost a heading is not accepted, and the next attempt gets the heading", async () => {
  const errors: unknown[] = [];
  const chat: Model["chat"] = async (prompt, { lastError }) => {
    errors.push(lastError);
    return lastError ? String(prompt) : "## Locks\n\nBoats are gone.";
  };
  const shared: Shared = { notes: "…" };
  await createArticleFlow({ json, chat, calls: { attempts: 2 } } as Partial<Model> as Model).run(shared);
  expect(errors).toEqual([undefined, new AnswerError("These headings are missing: Boats")]);
});
