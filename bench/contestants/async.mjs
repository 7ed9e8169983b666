// async: mapLimit, the one of its collection functions that fits.
import { mapLimit } from "async";
import { range } from "../hooks.mjs";

export const fanOut = (exec, count, concurrency) => mapLimit(range(count), concurrency, exec);
