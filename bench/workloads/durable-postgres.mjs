// durable, PostgreSQL: runs that could go on in another process. The clock's time, since commits are waited for.
import { cases as both, measureOn, postgres } from "../lib/durable.mjs";

export const title = "Durable runs on PostgreSQL";
export const unit = "step or item";
export const clock = "kept";
export const cases = both;
export const peers = { "@dbos-inc/dbos-sdk": { file: "dbos" } };

/** Apart from the other adapters, which must not load a database. */
export const files = { baseline: "durable-by-hand", sluice: "durable-sluice" };

export const measure = async (durable, chosen) => measureOn(await postgres(), durable, chosen);
