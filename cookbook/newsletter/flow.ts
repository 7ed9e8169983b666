// The graph: fetch → rank → summarise → write, or no news.
import { Flow, Gate } from "sluice";
import type { Llm } from "./llm.js";
import { Fetch, Rank, type Shared, Summarise, Write } from "./nodes.js";

/** What the flow works with. */
export interface NewsletterDeps {
  readonly llm: Llm;
  /** The model's limits. @default 4 calls at once */
  readonly gate?: Gate;
}

/** Creates the flow of one issue; its last action is `no news` if there is none. */
export function createNewsletterFlow({
  llm,
  gate = new Gate({ concurrency: 4 }),
}: NewsletterDeps): Flow<Shared> {
  const fetch = new Fetch();
  const rank = new Rank();
  const summarise = new Summarise(llm, gate);
  fetch.branch({ news: rank, "no news": null });
  rank.branch({ "worth a mail": summarise, "no news": null });
  summarise.next(new Write());
  return new Flow(fetch, { name: "Newsletter" });
}
