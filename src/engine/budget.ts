// The budget of a run, as an option.
import { invalidOption } from "../base/errors.js";
import { anAmount, aWholeNumber, checkOptions } from "../base/options.js";

/** The spending limit of a run. */
export interface BudgetOptions {
  /** Tokens, as `cost()` and `charge` count them. @default no limit */
  readonly tokens?: number | undefined;
  /** Calls of `exec`; calls that the vendor refused do not count. @default no limit */
  readonly calls?: number | undefined;
}

const budgetRules = { tokens: anAmount, calls: aWholeNumber };

/** @throws SluiceError for a budget with a wrong or unknown field, or with none. */
export function checkBudget(where: string, budget: BudgetOptions | undefined): void {
  if (budget === undefined) return;
  checkOptions(`${where}, budget`, budget, budgetRules);
  if (budget.tokens === undefined && budget.calls === undefined) {
    throw invalidOption(`${where}, budget`, "tokens", "required, or `calls`, or both", undefined);
  }
}
