// The program: read batch-flow.ts first.
import { join } from "node:path";
import { program } from "../lib/main.js";
import { createSchoolFlow, type Shared } from "./batch-flow.js";

await program("[folder]", {}, async ({ words: [folder = join(import.meta.dirname, "school")], run }) => {
  const shared: Shared = { folder, averages: [], leftOut: [], classes: new Map() };
  await createSchoolFlow().run(shared, run);
  const show = (name: string, average = Number.NaN) =>
    console.log(name.padEnd(12), average.toFixed(2).padStart(6));
  for (const [className, average] of shared.classes) {
    for (const each of shared.averages)
      if (each.className === className) show(`  ${each.student}`, each.average);
    show(className, average);
  }
  show("school", shared.school);
  for (const { className, student, reason } of shared.leftOut)
    console.error(`${className}/${student}: ${reason}`);
  if (shared.leftOut.length > 0) process.exitCode = 1;
});
