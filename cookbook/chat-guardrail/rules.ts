// The checks that need no model. Each returns what is wrong with a text, or `undefined`.

const MOST_LETTERS = 500;

/** Instructions to the model in place of a question. */
const ORDERS = [
  /\b(ignore|forget|disregard|override)\b.{0,40}\b(instructions?|rules?|prompts?|above|before|told)\b/,
  /\b(you are now|pretend to be|act as|roleplay as)\b/,
  /\b(system|developer) (prompt|message|mode)\b/,
  /<\|?[a-z_]+\|?>|^ *(system|assistant) *:/m,
];

export const tooLong = (question: string): string | undefined =>
  question.length > MOST_LETTERS ? `It has more than ${MOST_LETTERS} letters.` : undefined;

/** Finds instructions, also with look-alike letters and invisible characters. */
export function orders(question: string): string | undefined {
  const letters = question
    .normalize("NFKC")
    .replaceAll(/\p{Cf}/gu, "")
    .toLowerCase();
  const order = ORDERS.map((pattern) => pattern.exec(letters)?.[0]).find(Boolean);
  return order && `It gives orders: "${order.trim()}".`;
}

/** Finds eight successive words of the confidential instructions. */
export function leaks(answer: string, secret: string): string | undefined {
  const wordsOf = (text: string) => text.toLowerCase().match(/\p{L}+/gu) ?? [];
  const said = ` ${wordsOf(answer).join(" ")} `;
  const secrets = wordsOf(secret);
  const isRepeated = (at: number) => said.includes(` ${secrets.slice(at, at + 8).join(" ")} `);
  return secrets.some((_, at) => at + 8 <= secrets.length && isRepeated(at))
    ? "It repeats its instructions."
    : undefined;
}

/** Finds addresses and telephone numbers that the guide does not have. */
export function contacts(answer: string, guide: string): string | undefined {
  const found = answer.match(/https?:\/\/\S+|\S+@\S+\.\w+|\+?\d[\d ()/-]{5,}\d/g) ?? [];
  const strange = found.find((contact) => !guide.includes(contact));
  return strange && `It sends people to "${strange}".`;
}
