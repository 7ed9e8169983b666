// openJournal: which driver a name stands for.
import { anObject, checkOptions, invalidOption, isPlainObject, type Rule } from "sluice/internal";
import { MemoryDriver } from "./drivers/memory.js";
import { Journal } from "./journal.js";

/** Opens a journal. */
export async function openJournal(where: string): Promise<Journal> {
  if (where === ":memory:") return new Journal(new MemoryDriver());
  const { SqliteDriver } = await import("./drivers/sqlite.js");
  return new Journal(await SqliteDriver.open(where));
}
