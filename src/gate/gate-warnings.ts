// Warnings of one gate, each at most once.
import { type WarningCode, warn } from "../base/warnings.js";

/** Shorter debts and waits cause no warning, in ms. */
const WORTH_A_WARNING = 10_000;

/** The warnings of a gate. */
export class GateWarnings {
  readonly #name: string;
  readonly #period: number;
  readonly #given = new Set<WarningCode>();

  constructor(name: string | undefined, period: number) {
    this.#name = name === undefined ? "A gate" : `The gate \`${name}\``;
    this.#period = period;
  }

  /** Whether a warning was given, so that its check can be skipped. */
  has(code: WarningCode): boolean {
    return this.#given.has(code);
  }

  once(code: WarningCode, message: string): void {
    if (this.#given.has(code)) return;
    this.#given.add(code);
    warn(code, message);
  }

  /** Warns about a charge that is probably a mistake: later calls wait for a whole period or more. */
  debt(tokens: number, ms: number): void {
    if (ms < Math.max(WORTH_A_WARNING, this.#period)) return;
    const message = `${this.#name} was charged ${tokens} tokens more than were reserved: later calls wait ${duration(ms)} for that. Check what is passed to \`charge()\`, or raise \`rate.tokens\``;
    this.once("SLUICE_GATE_IN_DEBT", message);
  }

  /** Warns about a call that costs more tokens than the bucket holds, and so waits for its full time. */
  dearCall(tokens: number, atOnce: number, ms: number): void {
    if (tokens <= atOnce || ms < WORTH_A_WARNING) return;
    const message = `${this.#name} makes a call of ${tokens} tokens wait ${duration(ms)}, and the calls behind it too: its bucket holds at most ${Math.floor(atOnce)} tokens. Split the call, or raise \`rate.burst\` (ms of rate) if the vendor allows larger bursts`;
    this.once("SLUICE_DEAR_CALL", message);
  }
}

/** Formats a duration: `41 seconds`, `11.6 days`. */
export function duration(ms: number): string {
  const units = [
    ["days", 86_400_000],
    ["hours", 3_600_000],
    ["minutes", 60_000],
    ["seconds", 1_000],
  ] as const;
  const [name, size] = units.find(([, size]) => ms >= 2 * size) ?? units[3];
  return `${Number((ms / size).toPrecision(3))} ${name}`;
}
