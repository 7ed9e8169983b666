import { expect, test } from "vitest";
import { FinalError, type Model } from "../lib/model.js";
import { createVoteFlow, type Shared } from "./majority-vote.js";

async function vote(answers: (string | Error)[], most = 5) {
  const json = (async () => {
    const answer = answers.shift() ?? "?";
    if (answer instanceof Error) throw answer;
    return { reasoning: "", answer };
  }) as unknown as Model["json"];
  const shared: Shared = { question: "?", asking: 3, most, asked: 0, votes: [] };
  const ending = await createVoteFlow({ json } as Partial<Model> as Model).run(shared);
  return { ending, ...shared };
}

test("the most frequent answer wins, however it is written", async () => {
  expect(await vote(["1,200.", "98", "1200"])).toMatchObject({
    ending: "decided",
    winner: { answer: "1200", count: 2 },
  });
});

test("a tie asks for two more votes, up to the most that the question may cost", async () => {
  expect(await vote(["1", "2", "3", "2", "2"])).toMatchObject({
    winner: { answer: "2", count: 3 },
    asked: 5,
  });
  expect(await vote(["1", "2", "3", "4", "5"])).toMatchObject({ ending: "given up", asked: 5 });
});

test("a call without an answer abstains; none at all is an error", async () => {
  const refused = new FinalError("The model refuses: no");
  expect(await vote(["7", refused, "7"])).toMatchObject({
    winner: { answer: "7", count: 2 },
    votes: ["7", "7"],
  });
  await expect(vote([refused, refused, refused])).rejects.toBe(refused);
});
