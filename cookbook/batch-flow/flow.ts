// The graph: list the pages, and walk look → render → check → write for each of them.
import { type Action, BatchFlow, Flow } from "sluice";
import { CheckLinks, ListPages, Look, type Params, Render, type Shared, WritePage } from "./nodes.js";

/** Walks its graph once for each page. */
class EachPage extends BatchFlow<Shared, Params> {
  override prep({ files }: Shared): Params[] {
    return files.map((file) => ({ file }));
  }

  /** Is given the last action of each walk, in the order of the params. */
  override post(shared: Shared, params: Params[], actions: Action[]): void {
    for (const [at, { file }] of params.entries()) shared.outcomes.set(file, String(actions[at]));
  }
}

/** Creates a flow that makes a site of a folder of Markdown. */
export function createSiteFlow(): Flow<Shared> {
  const look = new Look();
  const render = new Render();
  const check = new CheckLinks();
  const write = new WritePage();
  look.branch({ changed: render, unchanged: null });
  render.next(check);
  check.branch({ sound: write, broken: null });
  write.end("written");

  const list = new ListPages();
  list.next(new EachPage(look));
  return new Flow(list, { name: "Site" });
}
