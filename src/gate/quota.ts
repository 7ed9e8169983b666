// Recognises an exhausted account, which no wait fixes. Imports only error-parts.ts.
import { field, itemsOf, partsOf, textField } from "./error-parts.js";
import { statusIn } from "./error-status.js";

/** Values of `code` and `type`. */
const CODES: ReadonlySet<unknown> = new Set([
  "insufficient_quota", // OpenAI and services that speak its dialect, Azure too: a 429
  "billing_hard_limit_reached",
  "billing_not_active",
  "organization_spend_limit_exceeded",
  "organization_usage_limit_exceeded",
  "project_spend_limit_exceeded",
  "billing_error", // Anthropic: a 402
  "credit_balance_too_low",
  "insufficient_credits",
  "insufficient_balance",
  "exceeded_current_quota_error", // Moonshot: a 429
]);

/**
 * Messages of services without a specific code: Anthropic (a 400), OpenRouter and DeepSeek (402), xAI
 * (403), Azure API Management (403), and Gemini for a model that the plan does not include (a 429 with a wait). "You
 * exceeded your current quota" is not among them, because Gemini also uses it for a limit per minute.
 */
const MESSAGE =
  /credit balance is too low|insufficient (?:credits|balance)|used all available credits|out of call volume quota|quota exceeded for metric: [^\n]*, limit: 0(?![.\d])/i;

/** The maximum length of a message to search, in characters. */
const LONGEST = 20_000;

/** Whether a 429 of Gemini is due to a daily limit, which resets at midnight although its details request seconds. */
const isDaily = (detail: unknown): boolean =>
  itemsOf(field(detail, "violations")).some((violation) =>
    /PerDay|Daily/.test(textField(violation, "quotaId") ?? ""),
  );

const saysExhausted = (part: object): boolean =>
  CODES.has(field(part, "code")) ||
  CODES.has(field(part, "type")) ||
  ["message", "error"].some((name) => MESSAGE.test((textField(part, name) ?? "").slice(0, LONGEST))) ||
  itemsOf(field(part, "details")).some(isDaily);

/** Whether a part of an error shows an exhausted account, or its status is 402 Payment Required. */
export const isExhausted = (parts: readonly object[]): boolean =>
  statusIn(parts) === 402 || parts.some(saysExhausted);

/**
 * Recognises the error of an exhausted account, which no wait fixes: by the `code`, `type` or message of the error or
 * of its body, or by status 402.
 */
export const isQuotaExhausted = (error: unknown): boolean => isExhausted(partsOf(error));
