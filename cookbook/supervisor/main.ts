// The program: read supervisor.ts first.
import { readFileSync } from "node:fs";
import { program } from "../lib/main.js";
import { connect } from "../lib/model.js";
import { sampleCase } from "./sample.js";
import { createSupervisorFlow, type Shared } from "./supervisor.js";

await program("[case.json] [--drafts 4]", { drafts: 4 }, async ({ words: [file], flags, run }) => {
  const { letter, records } = file === undefined ? sampleCase : JSON.parse(readFileSync(file, "utf8"));
  const shared: Shared = { letter, records, read: [], objections: [], rejected: 0 };
  const flow = createSupervisorFlow(await connect("supervisor"), flags.drafts);
  const ending = await flow.run(shared, { ...run, maxSteps: 100 });
  console.log(
    ending === "approved" ? `\nApproved:\n${shared.draft}` : `\nFor a person: ${shared.objections.join(" ")}`,
  );
  if (ending !== "approved") process.exitCode = 1;
});
