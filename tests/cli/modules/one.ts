// A module with one flow, under two names.
import { Flow, node } from "sluice";

const draft = node({ name: "Draft" });
draft.next(node({ name: "Review" }));
export const flow: Flow = new Flow(draft, { name: "Essay" });
export default flow;
