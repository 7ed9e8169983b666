// What huge answers cost the client of a remote node, by its CPU, since the service has a process of its own.
import { describe, expect, test } from "vitest";
import { fastest } from "../../support/fastest.js";
import { startPair } from "./load/pair.js";
import type { Cost } from "./load/remote-caller.js";

const { askCallers } = startPair("huge-answers.ts", "remote-caller.ts");
const call = (path: string) => askCallers<Cost>({ path });
const print = (what: string, ms: number) =>
  process.stdout.write(`tests/wings/serve: ${what}: ${ms.toFixed(0)} ms\n`);

describe.each(["/stream", "/json"])("remote, %s", (path) => {
  test("refuses an endless line within 100 ms of CPU", async () => {
    print(`${path}: the first endless answer, CPU`, (await call(`${path}/endless`)).cpu);
    const cpu = await fastest(100, async () => {
      const { cpu, outcome } = await call(`${path}/endless`);
      expect(outcome).toContain("more than `maxEvent: 10000000` characters");
      return cpu;
    });
    print(`${path}: an endless answer, CPU`, cpu);
    expect(cpu).toBeLessThan(100);
  });

  test("reads 8 MB within a second", async () => {
    const wall = await fastest(1_000, async () => {
      const { wall, outcome } = await call(path);
      expect(outcome).toBe(8_000_000);
      return wall;
    });
    print(`${path}: 8 MB`, wall);
    expect(wall).toBeLessThan(1_000);
  });
});
