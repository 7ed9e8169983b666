// Calculates, as the stand-in of hello-flow does.
export { answer } from "./hello-flow.js";
