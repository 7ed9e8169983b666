// Removes secrets from files that are committed to a repository.
import { builtInOf } from "sluice/internal";
import { isPlain } from "../../shared/plain-data.js";

const REDACTED = "[redacted]";

/** Keys whose texts are always secrets. */
const SECRET_KEY =
  /^(?:proxy-)?authorization$|cookie$|passw(?:or)?d$|passphrase$|secret$|credentials?$|(?:api|access|auth|private|secret)[-_]?(?:key|token)$|^token$/i;

/** Patterns of secrets. */
const SECRETS = [
  /\b(?:Bearer|Basic)\s+[\w+/=.~-]{8,}/g,
  /\b(?:sk|pk|rk)[-_][\w-]{16,}/g, // OpenAI, Anthropic, Stripe
  /\bAIza[\w-]{35}/g, // Google
  /\b(?:AKIA|ASIA)[A-Z0-9]{16}\b/g, // AWS
  /\bgh[pousr]_\w{20,}|\bgithub_pat_\w{20,}/g,
  /\bxox[a-z]-[\w-]{10,}/g, // Slack
  /\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]+/g, // JSON Web Tokens
  /-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?-----END [A-Z ]*PRIVATE KEY-----/g,
  /(?<=:\/\/[^\s/:@]*:)[^\s/@]+(?=@)/g, // the password of a URL
];

/** Names of variables that hold secrets, and the minimum length of a secret. */
const SECRET_VARIABLE = /KEY|TOKEN|SECRET|PASSWORD|CREDENTIAL/i;
const SHORTEST = 8;

/** Creates a function that copies plain data without its secrets. @param own - Called with each text. */
export function redactor(own: (text: string) => string = (text) => text): (value: unknown) => unknown {
  const known = Object.entries(process.env).flatMap(([name, value = ""]) =>
    SECRET_VARIABLE.test(name) && value.length >= SHORTEST ? [value] : [],
  );
  const redactText = (text: string) => {
    let safe = text;
    for (const secret of known) safe = safe.replaceAll(secret, REDACTED);
    for (const pattern of SECRETS) safe = safe.replace(pattern, REDACTED);
    return own(safe);
  };
  const copies = new Map<unknown, unknown>();
  const copyInto = <T>(value: unknown, copy: T, fill: (copy: T) => void): T => {
    copies.set(value, copy);
    fill(copy);
    return copy;
  };
  const redactField = (key: unknown, value: unknown) =>
    typeof value === "string" && typeof key === "string" && SECRET_KEY.test(key) ? REDACTED : redact(value);
  const redact = (value: unknown): unknown => {
    if (typeof value === "string") return redactText(value);
    if (copies.has(value)) return copies.get(value);
    if (Array.isArray(value))
      return copyInto(value, [] as unknown[], (copy) => void copy.push(...value.map(redact)));
    if (isPlain(value))
      return copyInto(value, {} as Record<string, unknown>, (copy) => {
        for (const [key, part] of Object.entries(value)) copy[redactText(key)] = redactField(key, part);
      });
    const builtIn = builtInOf(value);
    if (builtIn === "Map")
      return copyInto(value, new Map(), (copy) => {
        for (const [key, part] of value as Map<unknown, unknown>)
          copy.set(redact(key), redactField(key, part));
      });
    if (builtIn === "Set")
      return copyInto(value, new Set(), (copy) => {
        for (const part of value as Set<unknown>) copy.add(redact(part));
      });
    return value;
  };
  return (value) => {
    copies.clear();
    return redact(value);
  };
}
