// Answers arithmetic questions, like the stand-in of hello-flow.
export { answer } from "./hello-flow.js";
