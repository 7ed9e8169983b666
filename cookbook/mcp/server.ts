// An MCP server with two tools, for a trial. Any client can use it.
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { z } from "zod";

const METRES = { inch: 0.0254, foot: 0.3048, metre: 1, kilometre: 1_000, mile: 1_609.344 };
const unit = z.enum(["inch", "foot", "metre", "kilometre", "mile"]);
const round = (value: number) => Number(value.toPrecision(8));
const say = (text: string) => ({ content: [{ type: "text" as const, text }] });

export function createServer(): McpServer {
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
  return server;
}
