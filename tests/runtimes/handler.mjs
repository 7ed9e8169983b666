// sluice/serve as a fetch handler: a flow behind HTTP, and the core at /core.
import * as sluice from "sluice";
import { createHandler } from "sluice/serve";
import { smoke } from "./smoke.mjs";

const { Flow, node } = sluice;
const double = node({
  prep: ({ quiet = 0 }) => quiet,
  async exec(quiet, { emit }) {
    await emit("half");
    await new Promise((resolve) => setTimeout(resolve, quiet));
    return 2;
  },
  post: (shared, _input, factor) => {
    shared.n *= factor;
  },
});
const flows = createHandler(new Flow(double));

/** Answers a request of the Fetch API. */
export const handle = async (request) =>
  new URL(request.url).pathname === "/core" ? Response.json(await smoke(sluice)) : flows(request);
