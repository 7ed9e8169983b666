// Loads optional packages: synchronously and on first use, which works in Jest too.
import { createRequire } from "node:module";
import { missingPeer } from "../shared/missing-peer.js";
import "./error-codes.js";

const load = createRequire(import.meta.url);

/** Loads an optional package. @throws SluiceError `MISSING_PEER` if it is not installed. */
export function requirePeer(name: string): unknown {
  try {
    return load(name);
  } catch (error) {
    throw missingPeer("sluice/testing", name, error);
  }
}
