// Only embeddings are asked for, which fakeVendor() makes of the words of a text.
import type { Answer } from "./serve.js";

export const answer: Answer = () => "This recipe asks for embeddings only.";
