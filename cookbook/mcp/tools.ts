// The tools of an MCP server that is started as a process, and spoken to over its stdin and stdout.
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import type { CallToolResult } from "@modelcontextprotocol/sdk/types.js";
import { AjvJsonSchemaValidator } from "@modelcontextprotocol/sdk/validation/ajv";

/** What a server tells of a tool. */
export interface Tool {
  readonly name: string;
  readonly description?: string | undefined;
  /** The JSON Schema of its arguments. */
  readonly inputSchema: { readonly [key: string]: unknown };
}

/** What came of a call. */
export interface ToolResult {
  readonly text: string;
  /** The tool ran, and says that it failed. */
  readonly failed: boolean;
}

/** A connected server. */
export class Tools {
  readonly #client = new Client({ name: "sluice-recipe-mcp", version: "0.1.0" });

  /** Starts the server, without the secrets in this process's environment. */
  static async connect(command: string, args: readonly string[], signal: AbortSignal): Promise<Tools> {
    const tools = new Tools();
    await tools.#client.connect(new StdioClientTransport({ command, args: [...args] }), { signal });
    return tools;
  }

  async list(signal: AbortSignal): Promise<Tool[]> {
    return (await this.#client.listTools({}, { signal })).tools;
  }

  async call(name: string, args: Record<string, unknown>, signal: AbortSignal): Promise<ToolResult> {
    const result = (await this.#client.callTool({ name, arguments: args }, undefined, {
      signal,
    })) as CallToolResult;
    const text = result.content
      .map((part) => (part.type === "text" ? part.text : `(${part.type})`))
      .join("\n");
    return { text, failed: result.isError ?? false };
  }

  /** Ends the server too. */
  close(): Promise<void> {
    return this.#client.close();
  }
}

const schemas = new AjvJsonSchemaValidator();

/** Says what is wrong with the arguments of a call, if anything is: what a model writes is only text. */
export function complaintOf(tools: readonly Tool[], name: string, text: string): string | undefined {
  const tool = tools.find((each) => each.name === name);
  if (tool === undefined)
    return `There is no tool "${name}", but ${tools.map((each) => each.name).join(", ")}.`;
  try {
    const { valid, errorMessage } = schemas.getValidator(tool.inputSchema)(JSON.parse(text));
    return valid ? undefined : `The arguments do not fit the schema: ${errorMessage.slice(0, 300)}.`;
  } catch (error) {
    return `The arguments are no JSON: ${(error as Error).message}.`;
  }
}
