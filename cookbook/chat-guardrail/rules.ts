// The checks that need no model: each is told a text, and says what is wrong with it, or nothing.

/** The most letters of a question. */
export const MOST_LETTERS = 500;

/** Orders to the model in place of a question to it. */
const ORDERS = [
  /\b(ignore|forget|disregard|override)\b.{0,40}\b(instructions?|rules?|prompts?|above|before|told)\b/,
  /\b(you are now|pretend to be|act as|roleplay as)\b/,
  /\b(system|developer) (prompt|message|mode)\b/,
  /<\|?[a-z_]+\|?>|^ *(system|assistant) *:/m,
];

/** Finds what is too long to be a question. */
export function tooLong(question: string): string | undefined {
  return question.length > MOST_LETTERS ? `It has more than ${MOST_LETTERS} letters.` : undefined;
}

/** Finds orders to the model, also those in letters that only look like others. */
export function orders(question: string): string | undefined {
  const plain = question
    .normalize("NFKC")
    .replaceAll(/\p{Cf}/gu, "")
    .toLowerCase();
  const order = ORDERS.map((pattern) => pattern.exec(plain)?.[0]).find(Boolean);
  return order ? `It gives orders: "${order.trim()}".` : undefined;
}

/** Finds eight words in a row of what the model was told in confidence. */
export function leaks(answer: string, secret: string): string | undefined {
  const words = (text: string) => text.toLowerCase().match(/\p{L}+/gu) ?? [];
  const said = ` ${words(answer).join(" ")} `;
  const told = words(secret);
  const leaked = told.some(
    (_, at) => at + 8 <= told.length && said.includes(` ${told.slice(at, at + 8).join(" ")} `),
  );
  return leaked ? "It tells what the model was told in confidence." : undefined;
}

/** Finds addresses and numbers to call that the guide does not have. */
export function contacts(answer: string, guide: string): string | undefined {
  const found = answer.match(/https?:\/\/\S+|\S+@\S+\.\w+|\+?\d[\d ()/-]{5,}\d/g) ?? [];
  const strange = found.find((contact) => !guide.includes(contact));
  return strange ? `It sends people to "${strange}".` : undefined;
}
