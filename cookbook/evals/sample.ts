// A dataset to try it with: two prompts that summarise letters to a shop.
import type { Dataset } from "./evals.js";

export const sample: Dataset = {
  prompts: {
    short: "Summarise this letter in one sentence.",
    careful: "Summarise this letter in two sentences. Keep each number, date and demand.",
  },
  cases: [
    {
      name: "late lamp",
      input: "I ordered a lamp on 3 May. Order 17 has not arrived. I want my money back. Thank you.",
      criteria: ["It says that a lamp was ordered on 3 May.", "It says that order 17 has not arrived."],
    },
    {
      name: "wrong size",
      input: "The boots are too small. Please send size 43 before 9 June. The old ones are in the post.",
      criteria: ["It says that the boots are too small.", "It asks for size 43 before 9 June."],
    },
    {
      name: "praise",
      input: "The kettle is wonderful. Its handle stays cold. I shall buy another one for my mother.",
      criteria: ["It says that the kettle is wonderful.", "It asks for no refund."],
    },
  ],
};
