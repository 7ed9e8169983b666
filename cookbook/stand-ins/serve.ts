// The service that a recipe calls without a key. Each recipe has a file beside this one with its answers. None of these
// is copied into a project.
import { type FakeVendorOptions, fakeVendor, type VendorAnswer, type VendorRequest } from "sluice/testing";

/** The export of each file of this folder. It decides by the structure of a request: `schema`, `tools`, `messages`. */
export type Answer = (request: VendorRequest) => VendorAnswer;

/** Starts the stand-in of a recipe and returns its URL. It does not keep the process alive. */
export async function serve(recipe: string): Promise<string> {
  const { answer, options, start } = (await import(new URL(`${recipe}.ts`, import.meta.url).href)) as {
    answer: Answer;
    options?: FakeVendorOptions;
    /** In place of fakeVendor, for another protocol. */
    start?: () => Promise<string>;
  };
  if (start !== undefined) return start();
  const { url } = await fakeVendor({ pace: 10, ...options, answer });
  return url;
}
