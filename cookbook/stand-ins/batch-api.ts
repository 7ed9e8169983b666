// A Batch API: files, and batches that end after two polls. A summary is the most central sentence.
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";
import type { Answer } from "./serve.js";
import { central } from "./text.js";

export const answer: Answer = ({ text }) => central(text.split("\n\n").slice(1).join(" "), 1) || "Nothing.";

interface Batch {
  readonly id: string;
  readonly input_file_id: string;
  readonly metadata: object;
  status: string;
  output_file_id?: string;
  request_counts: { total: number; completed: number };
}
type Request = { custom_id: string; body: { messages: { content: string }[] } };

/** Starts the service and returns its URL. It does not keep the process alive. */
export async function start(): Promise<string> {
  const files: string[] = [];
  const batches: Batch[] = [];
  const addFile = (text: string) => ({ id: `file-${files.push(text) - 1}` });
  const fileOf = (id: string) => files[Number(id.replace("file-", ""))] ?? "";

  function look(batch: Batch): Batch {
    if (batch.status === "validating") batch.status = "in_progress";
    else if (batch.status === "in_progress") {
      const lines = fileOf(batch.input_file_id)
        .split("\n")
        .map((line) => lineOf(JSON.parse(line)));
      batch.output_file_id = addFile(lines.map((line) => JSON.stringify(line)).join("\n")).id;
      batch.request_counts = { total: lines.length, completed: lines.length };
      batch.status = "completed";
    }
    return batch;
  }

  async function reply(request: IncomingMessage): Promise<unknown> {
    const [, kind, id = "", part] = (request.url ?? "").replace(/^\/v1|\?.*$/g, "").split("/");
    const sent = await buffer(request);
    if (request.method === "GET" && kind === "files" && part === "content") return fileOf(id);
    if (request.method === "GET" && kind === "batches" && id === "") return { object: "list", data: batches };
    const found = batches.find((batch) => batch.id === id);
    if (request.method === "GET" && found) return look(found);
    if (request.method === "POST" && kind === "files") {
      const headers = { "content-type": request.headers["content-type"] ?? "" };
      const form = await new Response(sent, { headers }).formData();
      return addFile(await (form.get("file") as File).text());
    }
    if (request.method === "POST" && kind === "batches") {
      const counts = { total: 0, completed: 0 };
      const batch = {
        ...JSON.parse(String(sent)),
        id: `batch_${batches.length}`,
        status: "validating",
        request_counts: counts,
      };
      batches.push(batch);
      return batch;
    }
    return undefined;
  }

  const server = createServer((request, response) => {
    void reply(request).then((body) => {
      response.statusCode = body === undefined ? 404 : 200;
      response.setHeader("content-type", typeof body === "string" ? "text/plain" : "application/json");
      response.end(typeof body === "string" ? body : JSON.stringify(body ?? {}));
    });
  });
  server.on("connection", (socket) => socket.unref());
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve).unref());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
}

function lineOf({ custom_id, body }: Request) {
  const content = answer({ text: body.messages[0]?.content ?? "" } as Parameters<Answer>[0]);
  const usage = { prompt_tokens: 100, completion_tokens: 20, total_tokens: 120 };
  const choices = [{ index: 0, message: { role: "assistant", content }, finish_reason: "stop" }];
  return { custom_id, response: { status_code: 200, body: { choices, usage } }, error: null };
}
