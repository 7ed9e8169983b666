// Runs a flow on the file that it is given, and never ends by itself.
import { Flow, node } from "sluice";
import { openJournal } from "sluice/journal";

const journal = await openJournal(process.argv[2] as string);
const first = node({
  name: "First",
  exec: () => 1,
  post: (shared: { n?: number }, _, n) => {
    shared.n = n;
  },
});
const hang = node({
  name: "Second",
  exec: () =>
    new Promise<number>(() => {
      setInterval(() => {}, 1_000);
      // What was before is committed at the end of this turn.
      setImmediate(() => setImmediate(() => process.stdout.write("running\n")));
    }),
});
first.next(hang);
await new Flow(first, { name: "Main" }).run({}, { journal, runId: "r" });
