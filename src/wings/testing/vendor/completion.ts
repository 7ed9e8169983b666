// A completion on the wire: one JSON object, or the events of a stream.
import type { Completion } from "./answer.js";
import type { VendorRequest } from "./request.js";

const usageOf = ({ usage }: Completion) =>
  usage && { ...usage, total_tokens: usage.prompt_tokens + usage.completion_tokens };

const callsOf = ({ toolCalls }: Completion) =>
  toolCalls.map(({ id, name, arguments: given }) => ({
    id,
    type: "function",
    function: { name, arguments: given },
  }));

const headOf = ({ index, model }: VendorRequest, object: string) => ({
  id: `chatcmpl-${index}`,
  object,
  created: Math.floor(Date.now() / 1_000),
  model,
});

/** The answer to a request without `stream`. */
export function completionOf(completion: Completion, request: VendorRequest): object {
  const { content, refusal, finishReason, isEmpty } = completion;
  const calls = callsOf(completion);
  const message = { role: "assistant", content, refusal, ...(calls.length > 0 && { tool_calls: calls }) };
  const usage = usageOf(completion);
  return {
    ...headOf(request, "chat.completion"),
    choices: isEmpty ? [] : [{ index: 0, message, logprobs: null, finish_reason: finishReason }],
    ...(usage && { usage }),
  };
}

/** The events of the answer to a request with `stream`. */
export function eventsOf(completion: Completion, request: VendorRequest): string[] {
  const head = headOf(request, "chat.completion.chunk");
  const { include_usage: wantsUsage } = Object(request.body.stream_options) as { include_usage?: unknown };
  const usage = wantsUsage === true ? usageOf(completion) : undefined;
  const deltas = completion.isEmpty ? [] : deltasOf(completion);
  const chunks: object[] = deltas.map((delta) => ({
    ...head,
    choices: [{ index: 0, delta, finish_reason: null }],
  }));
  const last = { index: 0, delta: {}, finish_reason: completion.finishReason };
  chunks.push({ ...head, choices: completion.isEmpty ? [] : [last] });
  if (usage) chunks.push({ ...head, choices: [], usage });
  return [...chunks.map((chunk) => JSON.stringify(chunk)), "[DONE]"].map((data) => `data: ${data}`);
}

/** Splits a text into pieces of about a word. */
export const piecesOf = (text: string): string[] => text.match(/\s*\S{1,12}|\s+$/gu) ?? [];

function deltasOf({ content, refusal, toolCalls }: Completion): object[] {
  const deltas: object[] = [{ role: "assistant", content: content === null ? null : "", refusal: null }];
  for (const piece of piecesOf(content ?? "")) deltas.push({ content: piece });
  for (const piece of piecesOf(refusal ?? "")) deltas.push({ refusal: piece });
  for (const [index, { id, name, arguments: given }] of toolCalls.entries()) {
    deltas.push({ tool_calls: [{ index, id, type: "function", function: { name, arguments: "" } }] });
    for (const piece of piecesOf(given))
      deltas.push({ tool_calls: [{ index, function: { arguments: piece } }] });
  }
  return deltas;
}
