// Amounts as whole numbers: cents, thousandths, hundredths of a per cent. Floats never hold money.

/** Turns a decimal, such as "-12.5", into a whole number of its smallest units: -1250 at two places. */
export function toUnits(decimal: string, places: number): number {
  const [, sign = "", whole = "", fraction = ""] = /^(-?)(\d+)(?:\.(\d+))?$/.exec(decimal) ?? [];
  const units = Number(whole + fraction.padEnd(places, "0"));
  if (whole === "" || fraction.length > places || !Number.isSafeInteger(units)) {
    throw new Error(`Expected a decimal with at most ${places} places, got "${decimal}"`);
  }
  return sign === "-" && units !== 0 ? -units : units;
}

/** Writes whole units as a decimal again. */
export function toDecimal(units: number, places = 2): string {
  const digits = String(Math.abs(units)).padStart(places + 1, "0");
  return `${units < 0 ? "-" : ""}${digits.slice(0, -places)}.${digits.slice(-places)}`;
}

/** Multiplies whole numbers and divides by a power of ten, exactly; halves are rounded away from zero. */
export function share(a: number, b: number, divisor: number): number {
  const product = BigInt(a) * BigInt(b);
  const half = BigInt(divisor) / (product < 0n ? -2n : 2n);
  return Number((product + half) / BigInt(divisor));
}
