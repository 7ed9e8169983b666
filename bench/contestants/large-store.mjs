// A durable chain whose store has 10 MB: 1,000 lists of documents.
import { Flow, Node } from "sluice";
import { openJournal } from "sluice/journal";

const TITLE = "A document of some length, with a title, a few tags and a summary. ";

class Step extends Node {
  prep({ n }) {
    return n;
  }
  async exec(n) {
    await new Promise((resolve) => setTimeout(resolve, 10));
    return n + 1;
  }
  post(shared, _n, next) {
    shared.n = next;
    return next < shared.until ? "again" : "done";
  }
}

export async function stepsOn(url, store) {
  const journal = await openJournal(url);
  const step = new Step();
  step.on("again", step).end("done");
  const flow = new Flow(step, { name: "Chain" });
  const run = async (runId, until) => {
    const shared = { n: 0, until, ...store };
    await flow.run(shared, { journal, runId });
    return shared.n;
  };
  return { run, close: () => journal.close() };
}

const documents = () =>
  Array.from({ length: 1_000 }, (_, list) =>
    Array.from({ length: 40 }, (_, n) => ({
      id: list * 40 + n,
      title: TITLE,
      score: n / 7,
      tags: ["a", "b"],
      summary: TITLE + TITLE,
    })),
  );

export const steps = (url) => stepsOn(url, { documents: documents() });
