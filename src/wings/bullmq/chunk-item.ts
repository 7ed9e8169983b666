// Serialises calls.
import { SluiceError } from "sluice";
import { NODE, type OpenCall, type Step } from "sluice/internal";
import { encode, problemOf } from "../shared/plain-data.js";
import { type ChunkItem, LARGEST } from "./protocol.js";

/** Whether a call must run at most once. */
export const isOnce = ({ job }: OpenCall): boolean =>
  ((job.node as unknown as Step)[NODE].options as { readonly atMostOnce?: boolean }).atMostOnce === true;

/**
 * Serialises a call.
 *
 * @throws SluiceError `NOT_SERIALIZABLE`, `RESULT_TOO_LARGE`.
 */
export function itemOf(call: OpenCall): ChunkItem {
  const { key, identity, path, index, params, input, place } = call;
  const problem = problemOf(input) ?? problemOf(params);
  if (problem !== undefined) {
    const text = `${place}: expected an input and params that are plain data, got ${problem}; they have to travel to a worker`;
    throw new SluiceError("NOT_SERIALIZABLE", text);
  }
  const text = encode(input);
  if (text.length > LARGEST) {
    const message = `${place}: an input of ${text.length} characters is too large to travel (at most ${LARGEST}); store it where workers can read it, and hand over its name`;
    throw new SluiceError("RESULT_TOO_LARGE", message);
  }
  const parameters = encode({ ...params });
  return { key, identity, path: [...path], index, params: parameters, input: text, once: isOnce(call) };
}
