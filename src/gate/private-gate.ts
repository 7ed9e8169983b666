// Private gates, of the option `rate` of nodes. Nodes do not import Gate itself, so that a bundle of nodes without gates
// has neither Bottleneck nor p-limit in it.
import { invalidOption } from "../base/errors.js";
import type { Passable } from "./passable.js";
import type { Rate } from "./rate.js";

/** @throws SluiceError for a wrong rate. */
type MakeGate = (where: string, rate: Rate) => Passable;

/** Written once, by gate.ts as it is loaded. */
const home: { make: MakeGate | undefined } = { make: undefined };

/** Lets nodes make gates of their own. */
export function provideGates(make: MakeGate): void {
  home.make = make;
}

/** @throws SluiceError for a wrong rate, and for any rate in a bundle that left Gate out. */
export function privateGate(where: string, rate: Rate): Passable {
  if (home.make !== undefined) return home.make(where, rate);
  const instead = "written `gate: new Gate({ rate })`, since this bundle imports no Gate";
  throw invalidOption(where, "rate", instead, rate);
}
