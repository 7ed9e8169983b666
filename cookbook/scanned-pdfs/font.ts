// The font of the samples, five dots wide and seven high: two hexadecimal digits per column, with the top dot as the
// lowest bit.
const DOTS: Readonly<Record<string, string>> = {
  A: "7e1111117e",
  B: "7f49494936",
  C: "3e41414122",
  D: "7f4141413e",
  E: "7f49494941",
  F: "7f09090901",
  G: "3e41415132",
  H: "7f0808087f",
  I: "00417f4100",
  J: "2040413f01",
  K: "7f08142241",
  L: "7f40404040",
  M: "7f021c027f",
  N: "7f0408107f",
  O: "3e4141413e",
  P: "7f09090906",
  Q: "3e4151215e",
  R: "7f09192946",
  S: "2649494932",
  T: "01017f0101",
  U: "3f4040403f",
  V: "1f2040201f",
  W: "3f4038403f",
  X: "6314081463",
  Y: "0304780403",
  Z: "6151494543",
  "0": "3e5149453e",
  "1": "00427f4000",
  "2": "4261514946",
  "3": "2141454b31",
  "4": "1814127f10",
  "5": "2745454539",
  "6": "3c4a494930",
  "7": "0171090503",
  "8": "3649494936",
  "9": "064949291e",
  ".": "0060600000",
  ",": "0050300000",
  ":": "0036360000",
  "-": "0808080808",
  "/": "2010080402",
};

/** The pixels of a dot, and in dots the distances of letters, of lines, and of the margin. */
export const DOT = 6;
export const PITCH = { across: 6, down: 11, edge: 6 };

/** Whether a letter has ink at a dot; spaces and unknown letters have none. */
export const hasInk = (letter: string, column: number, row: number): boolean =>
  ((Number.parseInt(DOTS[letter]?.slice(2 * column, 2 * column + 2) || "0", 16) >> row) & 1) === 1;

/** The letter with these dots. */
export const letterOf = (dots: string): string =>
  Object.keys(DOTS).find((letter) => DOTS[letter] === dots) ?? " ";
