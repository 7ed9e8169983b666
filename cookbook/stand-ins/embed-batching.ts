// Only embeddings are requested, which fakeVendor() computes from the words of a text.
import type { Answer } from "./serve.js";

export const answer: Answer = () => "This recipe asks for embeddings only.";
