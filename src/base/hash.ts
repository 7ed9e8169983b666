// Hashes of texts. Imports nothing.

/** 53 bits of a text (cyrb53 by bryc, public domain). Not for secrets. */
export function hashNumber(text: string, seed = 0): number {
  let [a, b] = [0xdeadbeef ^ seed, 0x41c6ce57 ^ seed];
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    a = Math.imul(a ^ unit, 2654435761);
    b = Math.imul(b ^ unit, 1597334677);
  }
  a = Math.imul(a ^ (a >>> 16), 2246822507) ^ Math.imul(b ^ (b >>> 13), 3266489909);
  b = Math.imul(b ^ (b >>> 16), 2246822507) ^ Math.imul(a ^ (a >>> 13), 3266489909);
  return 4294967296 * (2097151 & b) + (a >>> 0);
}

/** The same as letters and digits. */
export const hash = (text: string, seed = 0): string => hashNumber(text, seed).toString(36);

/** 106 bits of a text: two hashes with different seeds. */
export const longHash = (text: string): string => `${hash(text)}${hash(text, 1).padStart(11, "0")}`;
