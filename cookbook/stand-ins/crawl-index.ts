// Only embeddings are asked for, as in embed-batching.
export { answer } from "./embed-batching.js";
