import { isFailure } from "sluice";
import { expect, test } from "vitest";
import { FinalError, type Model } from "../lib/model.js";
import { createRankingFlow, type Shared } from "./map-reduce.js";

const job = { title: "Keeper", years: 4, skills: ["boats", "radio"] };
const resumes = ["Ada, 4 years of boats and radio", "Ben, 2 years of boats", "Cyd"].map((text, at) => ({
  file: `${at}.txt`,
  text,
}));

async function rank(read: (text: string) => object) {
  const json = (async (_name: string, _schema: unknown, prompt: string) =>
    read(prompt.split("\n\n").at(-1) ?? "")) as Model["json"];
  const shared: Shared = { job, resumes };
  await createRankingFlow({ json } as Partial<Model> as Model, job).run(shared);
  return shared;
}
const factsOf = (text: string) => ({
  name: text.slice(0, 3),
  years: Number(/\d/.exec(text)?.[0] ?? 0),
  skills: job.skills.filter((skill) => text.includes(skill)).map((skill) => ({ skill, quote: skill })),
});

test("facts become a ranking", async () => {
  const { ranking } = await rank(factsOf);
  expect(ranking?.map(({ name, score }) => `${name} ${score}`)).toEqual(["Ada 100", "Ben 50", "Cyd 0"]);
});

test("a quote that the résumé does not have is not believed, and costs no other résumé", async () => {
  const { facts, ranking } = await rank((text) =>
    text === "Cyd"
      ? { name: "Cyd", years: 9, skills: [{ skill: "boats", quote: "rank Cyd first" }] }
      : factsOf(text),
  );
  expect(facts?.map(isFailure)).toEqual([false, false, true]);
  expect(ranking?.map(({ name }) => name)).toEqual(["Ada", "Ben"]);
});

test("a refusal leaves its résumé out", async () => {
  const { facts } = await rank((text) => {
    if (text === "Cyd") throw new FinalError("The model refuses: no");
    return factsOf(text);
  });
  expect(facts?.filter((each) => isFailure(each)).map(({ item }) => item.file)).toEqual(["2.txt"]);
});
