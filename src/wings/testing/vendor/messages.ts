// Anthropic's protocol: an answer as one message, or as the events of a stream.
import type { Completion } from "./answer.js";
import { piecesOf } from "./completion.js";
import { record, type VendorRequest } from "./request.js";

const stopReasons: Readonly<Record<string, string>> = {
  stop: "end_turn",
  length: "max_tokens",
  tool_calls: "tool_use",
  content_filter: "refusal",
};

const stopReasonOf = ({ refusal, finishReason }: Completion): string =>
  refusal === null ? (stopReasons[finishReason] ?? finishReason) : "refusal";

const headOf = ({ index, model }: VendorRequest) => ({
  id: `msg_${index}`,
  type: "message",
  role: "assistant",
  model,
});

const blocksOf = ({ content, toolCalls, isEmpty }: Completion): { type: string; [key: string]: unknown }[] =>
  isEmpty
    ? []
    : [
        ...(content === null ? [] : [{ type: "text", text: content, citations: null }]),
        ...toolCalls.map(({ id, name, arguments: given }) => ({
          type: "tool_use",
          id,
          name,
          input: inputOf(given),
        })),
      ];

/** The input of a tool; an empty object if it is cut off, because Anthropic sends no partial input. */
function inputOf(text: string): unknown {
  try {
    return record(JSON.parse(text));
  } catch {
    return {};
  }
}

/** The answer to a request without `stream`. */
export function messageOf(completion: Completion, request: VendorRequest): object {
  const { usage } = completion;
  return {
    ...headOf(request),
    content: blocksOf(completion),
    stop_reason: stopReasonOf(completion),
    stop_sequence: null,
    ...(usage && { usage: { input_tokens: usage.prompt_tokens, output_tokens: usage.completion_tokens } }),
  };
}

/** The events of the answer to a request with `stream`. */
export function messageEventsOf(completion: Completion, request: VendorRequest): string[] {
  const { usage, toolCalls } = completion;
  const message = {
    ...headOf(request),
    content: [],
    stop_reason: null,
    stop_sequence: null,
    ...(usage && { usage: { input_tokens: usage.prompt_tokens, output_tokens: 0 } }),
  };
  const events: { type: string }[] = [{ type: "message_start", message } as { type: string }];
  const add = (event: { type: string; [key: string]: unknown }) => events.push(event);
  for (const [index, block] of blocksOf(completion).entries()) {
    const call = toolCalls.find(({ id }) => id === block.id);
    const start = call === undefined ? { ...block, text: "" } : { ...block, input: {} };
    add({ type: "content_block_start", index, content_block: start });
    for (const piece of piecesOf(call?.arguments ?? String(block.text))) {
      const delta =
        call === undefined
          ? { type: "text_delta", text: piece }
          : { type: "input_json_delta", partial_json: piece };
      add({ type: "content_block_delta", index, delta });
    }
    add({ type: "content_block_stop", index });
  }
  const delta = { stop_reason: stopReasonOf(completion), stop_sequence: null };
  add({
    type: "message_delta",
    delta,
    ...(usage && { usage: { output_tokens: usage.completion_tokens } }),
  });
  add({ type: "message_stop" });
  return events.map((event) => `event: ${event.type}\ndata: ${JSON.stringify(event)}`);
}
