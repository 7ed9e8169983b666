import { type Journal, openJournal } from "sluice/journal";
import { afterEach, beforeEach, expect, test } from "vitest";
import { AnswerError, FinalError, type Model } from "../lib/model.js";
import { additionsIn, type Comment, isSigned } from "./github.js";
import { createReviewFlow, createWebhook } from "./github-review.js";
import { DIFF, recorded, SECRET } from "./recorded.js";

let journal: Journal;
beforeEach(async () => {
  journal = await openJournal(":memory:");
});
afterEach(() => journal.close());

type Answer = (prompt: string, lastError: unknown) => { line: number; comment: string }[] | Error;

/** A reviewer whose model finds this in each file. */
function reviewer(answer: Answer, post = async () => {}) {
  const asked: string[] = [];
  const posted: (readonly Comment[])[] = [];
  const errors: unknown[] = [];
  const json = async (_name: string, _schema: unknown, prompt: unknown, ctx: { lastError?: unknown }) => {
    asked.push(String(prompt));
    const comments = answer(String(prompt), ctx.lastError);
    if (comments instanceof Error) throw comments;
    return { comments };
  };
  const flow = createReviewFlow({ json, calls: { attempts: 2 } } as unknown as Model, {
    diff: async () => DIFF,
    review: async (_change, _body, comments) => {
      await post();
      posted.push(comments);
    },
  });
  const onError = (error: unknown) => errors.push(error);
  return { asked, posted, errors, ...createWebhook({ flow, journal, secret: SECRET, onError }) };
}
const deliver = async (to: ReturnType<typeof reviewer>, at: number) =>
  (await to.handle(recorded()[at] as Request)).status;
const email: Answer = (prompt) =>
  prompt.includes("email") ? [{ line: 11, comment: "No e-mails in logs." }] : [];

test("a signature is that of GitHub's documentation, and of the whole body", () => {
  const signature = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
  const headers = new Headers({ "x-hub-signature-256": signature });
  expect(isSigned("Hello, World!", headers, SECRET)).toBe(true);
  expect(isSigned("Hello, World?", headers, SECRET)).toBe(false);
  expect(isSigned("Hello, World!", new Headers(), SECRET)).toBe(false);
});

test("a diff gives the added lines of each file by their numbers in the new one", () => {
  expect(additionsIn(DIFF).map(({ path, lines }) => [path, lines.map(({ line }) => line)])).toEqual([
    ["src/order.ts", [11, 12, 13]],
    ["README.md", [2]],
  ]);
});

test("a commit is reviewed once however often it is delivered; drafts and forgeries are not", async () => {
  const all = reviewer(email);
  expect(await Promise.all([deliver(all, 0), deliver(all, 1)])).toEqual([202, 200]);
  expect([await deliver(all, 2), await deliver(all, 3)]).toEqual([200, 401]);
  await all.ended();
  await deliver(all, 1);
  await all.ended();
  expect(all.posted).toEqual([[{ path: "src/order.ts", line: 11, body: "No e-mails in logs." }]]);
  expect(all.asked).toHaveLength(2);
});

test("a comment on a line that was not added fails, and the next attempt gets the reason", async () => {
  const reasons: unknown[] = [];
  const all = reviewer((_prompt, lastError) => {
    reasons.push(lastError);
    return lastError === undefined ? [{ line: 99, comment: "?" }] : [];
  });
  await deliver(all, 0);
  await all.ended();
  expect(reasons).toContainEqual(new AnswerError("Line 99 is not one of the lines that were added."));
  expect(all.posted).toEqual([[]]);
});

test("half a review is not posted, and what was paid for is not paid for again", async () => {
  const refusal = new FinalError("The model refuses: no");
  const first = reviewer((prompt) => (prompt.includes("README") ? refusal : []));
  await deliver(first, 0);
  await first.ended();
  expect([first.posted, first.errors]).toEqual([[], [refusal]]);
  const second = reviewer(() => []);
  await second.goOn();
  await second.ended();
  expect(second.posted).toEqual([[]]);
  expect(second.asked).toHaveLength(1);
});
