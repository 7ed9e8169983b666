// Checks the input of a request against its schema.
import type { StandardSchema } from "sluice";
import { issuesOf } from "sluice/internal";
import { Refusal } from "./refusal.js";

/** Validates a value. @throws Refusal 400 with the path of each issue. */
export async function check<Output>(schema: StandardSchema<Output>, value: unknown): Promise<Output> {
  const result = await schema["~standard"].validate(value);
  if (result.issues === undefined) return result.value;
  throw new Refusal(400, "Invalid input", { issues: issuesOf(result.issues) });
}
