// The only `any` of the core. Imports nothing.

/**
 * `any`, on purpose: the default of every type parameter, so that untyped code compiles, and the type of members that a
 * subclass may narrow.
 */
// biome-ignore lint/suspicious/noExplicitAny: see above
export type Untyped = any;
