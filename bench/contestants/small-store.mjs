// A durable chain whose store has a number.
import { stepsOn } from "./large-store.mjs";

export const steps = (url) => stepsOn(url, {});
