// A module with two flows and something else, which holds its process open.
import { Flow, node } from "sluice";

export const one: Flow = new Flow(node({ name: "A" }), { name: "One" });
export const two: Flow = new Flow(node({ name: "B" }), { name: "Two" });
export const other = 1;
setInterval(() => {}, 1_000);
