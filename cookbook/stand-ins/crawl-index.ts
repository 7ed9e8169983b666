// Only embeddings are requested, as in embed-batching.
export { answer } from "./embed-batching.js";
