// A config in TypeScript.
import { createWaits } from "./journaled.js";
import { flow } from "./one.js";

const flows: Record<string, () => unknown> = { Essay: () => flow, Waits: async () => createWaits() };
export default { journal: () => "none.db", flows };
