// The recipe mcp with a server in a process of its own, as its README starts one.
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { expect, test } from "vitest";
import { connectTools } from "../../cookbook/mcp/tools.js";
import { isFull } from "../support/size.js";

const { signal } = new AbortController();
const folder = fileURLToPath(new URL("../../cookbook/mcp", import.meta.url));

test.runIf(isFull)("a server over stdin and stdout lists its tools and runs them", async () => {
  const tsx = pathToFileURL(createRequire(import.meta.url).resolve("tsx")).href;
  const tools = await connectTools(`${process.execPath} --import ${tsx} ${join(folder, "stdio.ts")}`, signal);
  expect((await tools.list(signal)).map(({ name }) => name)).toEqual(["convert_length", "days_between"]);
  const args = { value: 3, from: "mile", to: "foot" };
  expect(await tools.call("convert_length", args, signal)).toBe("3 mile = 15840 foot");
  await tools.close();
});

test("a command that is none is an error", async () => {
  await expect(connectTools(join(folder, "no-such-server"), signal)).rejects.toThrow("ENOENT");
});
