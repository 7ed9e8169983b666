// The connection to an MCP server: over the stdin and stdout of a process, or within this one.
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { InMemoryTransport } from "@modelcontextprotocol/sdk/inMemory.js";
import type { CallToolResult } from "@modelcontextprotocol/sdk/types.js";
import { createServer } from "./server.js";

export interface McpTool {
  readonly name: string;
  readonly description?: string | undefined;
  /** The JSON Schema of its arguments. */
  readonly inputSchema: { readonly [key: string]: unknown };
}

/** The part of a server that a flow uses. An abort cancels a call. */
export interface Tools {
  list(signal: AbortSignal): Promise<McpTool[]>;
  /** The text of the result, also if the tool failed. */
  call(name: string, args: unknown, signal: AbortSignal): Promise<string>;
  /** Also ends the server's process. */
  close(): Promise<void>;
}

/**
 * Connects to a server.
 *
 * @param command - Starts it, such as `npx -y @modelcontextprotocol/server-everything`; without one the server of
 *   `server.ts` runs in this process. Of this environment it gets only PATH and the like.
 */
export async function connectTools(command: string, signal: AbortSignal): Promise<Tools> {
  const client = new Client({ name: "sluice-recipe-mcp", version: "0.1.0" });
  const [program = "", ...args] = command.trim().split(/\s+/);
  const [here, there] = InMemoryTransport.createLinkedPair();
  if (program === "") await createServer().connect(there);
  await client.connect(program === "" ? here : new StdioClientTransport({ command: program, args }), {
    signal,
  });
  return {
    list: async (signal) => (await client.listTools({}, { signal })).tools,
    call: async (name, given, signal) => {
      const params = { name, arguments: given as Record<string, unknown> };
      const { content } = (await client.callTool(params, undefined, { signal })) as CallToolResult;
      return content.map((part) => (part.type === "text" ? part.text : `(${part.type})`)).join("\n");
    },
    close: () => client.close(),
  };
}
