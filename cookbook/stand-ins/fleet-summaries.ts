// Picks the most central sentence of a document, as the stand-in of parallel-summaries picks three.
export { answer, options } from "./parallel-summaries.js";
