// Recognises an account with nothing left to spend, which no wait mends. Imports only how to read an error.
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
 * Messages of services that give no code of their own: Anthropic (a 400), OpenRouter and DeepSeek (402), xAI
 * (403), Azure API Management (403), and Gemini for a model that the plan does not include (a 429 that names a
 * wait). "You exceeded your current quota" is not among them: Gemini says it of a limit per minute.
 */
const MESSAGE =
  /credit balance is too low|insufficient (?:credits|balance)|used all available credits|out of call volume quota|quota exceeded for metric: [^\n]*, limit: 0(?![.\d])/i;

/** Longest part of a message that is searched, in characters. */
const LONGEST = 20_000;

/** Gemini's limits per day, in the details of its 429: they name waits of seconds, and open at midnight. */
const isDaily = (detail: unknown): boolean =>
  itemsOf(field(detail, "violations")).some((violation) =>
    /PerDay|Daily/.test(textField(violation, "quotaId") ?? ""),
  );

const saysExhausted = (part: object): boolean =>
  CODES.has(field(part, "code")) ||
  CODES.has(field(part, "type")) ||
  ["message", "error"].some((name) => MESSAGE.test((textField(part, name) ?? "").slice(0, LONGEST))) ||
  itemsOf(field(part, "details")).some(isDaily);

/** Whether one of an error's parts says so, or its status is 402 Payment Required. */
export const isExhausted = (parts: readonly object[]): boolean =>
  statusIn(parts) === 402 || parts.some(saysExhausted);

/**
 * Recognises the error of an account with nothing left to spend, which no wait mends: by the `code`, `type` or
 * message of the error or of its body, wherever its client keeps that, or by status 402.
 */
export const isQuotaExhausted = (error: unknown): boolean => isExhausted(partsOf(error));
