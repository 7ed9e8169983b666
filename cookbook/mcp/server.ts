// The MCP server: three tools over stdio, in a process of its own. Any client can use it, not only this recipe's.
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { StdioServerTransport } from "@modelcontextprotocol/sdk/server/stdio.js";
import { z } from "zod";

const METRES = { inch: 0.0254, foot: 0.3048, metre: 1, kilometre: 1_000, mile: 1_609.344 };
const unit = z.enum(["inch", "foot", "metre", "kilometre", "mile"]);
const round = (value: number) => Number(value.toPrecision(8));
const say = (text: string) => ({ content: [{ type: "text" as const, text }] });

const server = new McpServer({ name: "measures", version: "0.1.0" });

server.registerTool(
  "convert_length",
  {
    description: "Converts a length or distance from one unit into another.",
    inputSchema: { value: z.number(), from: unit, to: unit },
  },
  ({ value, from, to }) => say(`${value} ${from} = ${round((value * METRES[from]) / METRES[to])} ${to}`),
);

server.registerTool(
  "days_between",
  {
    description: "Counts the days between two dates.",
    inputSchema: { from: z.iso.date(), to: z.iso.date() },
  },
  ({ from, to }) => {
    const days = (Date.parse(to) - Date.parse(from)) / 86_400_000;
    if (days < 0) throw new Error(`${to} is before ${from}`);
    return say(`${days} days from ${from} to ${to}`);
  },
);

server.registerTool(
  "statistics",
  {
    description: "Gives mean, average, median, smallest and largest of numbers.",
    inputSchema: { numbers: z.array(z.number()).min(1) },
  },
  ({ numbers }) => {
    const sorted = [...numbers].sort((a, b) => a - b);
    const middle = (sorted.length - 1) / 2;
    const median = ((sorted[Math.floor(middle)] ?? 0) + (sorted[Math.ceil(middle)] ?? 0)) / 2;
    const mean = round(numbers.reduce((sum, number) => sum + number, 0) / numbers.length);
    return say(`mean ${mean}, median ${median}, smallest ${sorted[0]}, largest ${sorted.at(-1)}`);
  },
);

await server.connect(new StdioServerTransport());
