// Private gates for the option `rate` of nodes. Nodes do not import Gate itself, so that a bundle of nodes without
// gates contains neither Bottleneck nor p-limit.
import { invalidOption } from "../base/errors.js";
import type { Passable } from "./passable.js";
import type { Rate } from "./rate.js";

/** @throws SluiceError for a wrong rate. */
type MakeGate = (where: string, rate: Rate) => Passable;

/** Written once, when gate.ts is loaded. */
const home: { make: MakeGate | undefined } = { make: undefined };

/** Registers the constructor of private gates. */
export function provideGates(make: MakeGate): void {
  home.make = make;
}

/** Creates a private gate. @throws SluiceError `INVALID_OPTION`, also in a bundle without Gate; `UNKNOWN_OPTION`. */
export function privateGate(where: string, rate: Rate): Passable {
  if (home.make !== undefined) return home.make(where, rate);
  const instead = "written `gate: new Gate({ rate })`, since this bundle imports no Gate";
  throw invalidOption(where, "rate", instead, rate);
}
