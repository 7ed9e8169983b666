// The one `any` of the core. Imports nothing.

/**
 * `any`, on purpose: the default of every type parameter, so that plain JavaScript style compiles, and the
 * type of what a subclass may narrow as it likes.
 */
// biome-ignore lint/suspicious/noExplicitAny: see above
export type Untyped = any;
