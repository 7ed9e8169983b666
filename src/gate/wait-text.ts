// Parses the text of a wait into milliseconds. Imports only the check of amounts.
import { isAmount } from "../base/options.js";

const MILLISECONDS: ReadonlyMap<string, number> = new Map(
  Object.entries({
    "ns nanosecond": 1e-6,
    "us µs μs microsecond": 1e-3,
    "ms msec millisecond": 1,
    "s sec second": 1_000,
    "m min minute": 60_000,
    "h hr hour": 3_600_000,
    "d day": 86_400_000,
  }).flatMap(([names, unit]) => names.split(" ").map((name): [string, number] => [name, unit])),
);

const MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

/** The maximum length to parse, in characters: a date of RFC 850 has 33. */
const LONGEST = 64;

/** `6m0s`, `20ms`, `1.5 s`, `30 seconds`: milliseconds, or `undefined` if other text is left. */
function duration(text: string): number | undefined {
  let total = 0;
  let amounts = 0;
  const rest = text.replace(/(\d+(?:\.\d+)?)\s*([a-zµμ]+)/gi, (_, amount: string, name: string) => {
    const unit = name.toLowerCase();
    total +=
      Number(amount) * (MILLISECONDS.get(unit) ?? MILLISECONDS.get(unit.replace(/s$/, "")) ?? Number.NaN);
    amounts++;
    return "";
  });
  return amounts > 0 && rest.trim() === "" && isAmount(total) ? total : undefined;
}

// The three forms of RFC 9110, section 5.6.7: IMF-fixdate and RFC 850 put the day before the month, asctime after.
const DAY_FIRST = /^[a-z]{3,9}, ([ \d]\d)[ -]([a-z]{3})[ -](\d{4}|\d\d) (\d\d:\d\d:\d\d) (?:GMT|UTC)$/i;
const ASCTIME = /^([a-z]{3}) ([a-z]{3}) ([ \d]\d) (\d\d:\d\d:\d\d) (\d{4})$/i;
const RFC_3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)$/i;

/** A two-digit year means the nearest one; of two equally near, the later one (RFC 9110, section 5.6.7). */
function fullYear(digits: string, now: number): number {
  if (digits.length === 4) return Number(digits);
  const current = new Date(now).getUTCFullYear();
  const year = current - (current % 100) + Number(digits);
  if (year > current + 50) return year - 100;
  return year < current - 49 ? year + 100 : year;
}

/** Converts an HTTP date to RFC 3339, with month 00 for an unknown month. */
function standardForm(text: string, now: number): string | undefined {
  const match = DAY_FIRST.exec(text.replace(ASCTIME, "$1, $3 $2 $5 $4 GMT"));
  if (match === null) return undefined;
  const [, day, month, year, time] = match as unknown as [string, string, string, string, string];
  const number = MONTHS.indexOf(month.toLowerCase()) + 1;
  const digits = `${fullYear(year, now)}`.padStart(4, "0");
  return `${digits}-${`${number}`.padStart(2, "0")}-${day.replace(" ", "0")}T${time}Z`;
}

/**
 * Parses an HTTP date in any of its three forms, or an RFC 3339 date, as ms since 1970. `Date.parse` is not enough: it
 * reads asctime as local time, and `-5` as a year.
 */
export function pointInTime(text: string, now: number): number | undefined {
  const trimmed = text.trim();
  if (trimmed.length > LONGEST) return undefined;
  const form = RFC_3339.test(trimmed) ? trimmed : standardForm(trimmed, now);
  const at = form === undefined ? Number.NaN : Date.parse(form);
  return Number.isNaN(at) ? undefined : at;
}

/** More than 30 years in ms: such a number must be a point in time. */
const TOO_LONG = 1e12;

/**
 * A number is an amount of `unit`, or else a point in time since September 2001: from 10⁹ in seconds since 1970,
 * from 10¹² in milliseconds. `undefined` for any other number.
 */
function fromNumber(value: number, unit: number, now: number): number | undefined {
  if (value * unit < TOO_LONG) return value * unit;
  if (value < 1e11) return Math.max(0, value * 1_000 - now);
  return value >= 1e12 && value < 1e14 ? Math.max(0, value - now) : undefined;
}

/**
 * Parses a wait: a number of `unit`, a number with units, or a point in time.
 *
 * @param unit - The unit of a number without one, in ms.
 * @param now - The origin for points in time, in ms since 1970.
 * @returns Milliseconds, 0 for the past; `undefined` if not understood.
 */
export function readWait(text: string, unit: number, now: number): number | undefined {
  const trimmed = text.trim();
  if (trimmed.length > LONGEST) return undefined;
  if (/^(?:\d+\.?\d*|\.\d+)$/.test(trimmed)) return fromNumber(Number(trimmed), unit, now);
  const at = pointInTime(trimmed, now);
  return at === undefined ? duration(trimmed) : Math.max(0, at - now);
}
