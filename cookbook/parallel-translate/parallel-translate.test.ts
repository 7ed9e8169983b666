import { expect, test } from "vitest";
import { FinalError, type Message, type Model } from "../lib/model.js";
import { createTranslateFlow, type Shared } from "./parallel-translate.js";

const translate = async (chat: (language: string, text: string) => Promise<string>) => {
  const model: Partial<Model> = {
    chat: ([system, user]: readonly Message[] | string) =>
      chat(String((system as Message).content).split("Into: ")[1] ?? "", String((user as Message).content)),
  };
  const shared: Shared = {
    text: "one\n\ntwo\n\nthree",
    languages: ["A", "B"],
    translations: {},
    failures: {},
  };
  await createTranslateFlow(model as Model, 4).run(shared);
  return shared;
};

test("parts are joined in their order, whichever answer came first", async () => {
  const turns = ["three", "two", "one"];
  const { translations } = await translate(async (language, text) => {
    for (let at = turns.indexOf(text); at > 0; at--) await Promise.resolve();
    return `${language}${text}`;
  });
  expect(translations).toEqual({ A: "A.one\n\nA.two\n\nA.three\n", B: "B.one\n\nB.two\n\nB.three\n" });
});

test("a language of which a part is missing is no translation, and costs no other", async () => {
  const error = new FinalError("A content filter stopped the answer.");
  const { translations, failures } = await translate(async (language, text) => {
    if (language === "B." && text === "two") throw error;
    return text;
  });
  expect(Object.keys(translations)).toEqual(["A"]);
  expect(failures).toEqual({ B: error });
});
