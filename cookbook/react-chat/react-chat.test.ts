import { DefaultChatTransport, readUIMessageStream, type UIMessage } from "ai";
import type { Handler } from "sluice/serve";
import { expect, test } from "vitest";
import { AnswerError, DeniedError, FinalError, type Message, type Model } from "../lib/model.js";
import { createChat, createChatFlow } from "./react-chat.js";
import { uiMessages } from "./ui-messages.js";

const said = (role: "user" | "assistant", text: string, metadata?: unknown): UIMessage => ({
  id: text,
  role,
  parts: [{ type: "text", text }],
  metadata,
});

/** Sends a conversation as useChat does, and gives the message as it grows. */
async function send(answer: (request: Request) => Promise<Response>, messages: UIMessage[]) {
  const transport = new DefaultChatTransport({
    api: "http://localhost/api/chat",
    fetch: (url, init) => answer(new Request(url, init)),
  });
  const stream = await transport.sendMessages({
    trigger: "submit-message",
    chatId: "1",
    messageId: undefined,
    messages,
    abortSignal: undefined,
  });
  const errors: string[] = [];
  const states: UIMessage[] = [];
  const onError = (error: unknown) => void errors.push((error as Error).message);
  for await (const message of readUIMessageStream({ stream, onError })) states.push(message);
  return { states, last: states.at(-1), errors };
}

/** Talks with a chat whose model answers with these pieces, and suggests these questions. */
async function talk(messages: UIMessage[], pieces: (string | Error)[], questions: string[] | Error = []) {
  const prompts: Message[][] = [];
  const failures: unknown[] = [];
  async function* stream(prompt: Message[]) {
    prompts.push(prompt);
    for (const piece of pieces) {
      if (piece instanceof Error) throw piece;
      yield piece;
    }
  }
  const json = async (_name: string, _schema: unknown, prompt: Message[]) => {
    prompts.push(prompt);
    if (questions instanceof Error) throw questions;
    return { questions };
  };
  const flow = createChatFlow({ stream, json } as unknown as Model);
  const chat = createChat(flow, (error) => failures.push(error));
  return { ...(await send(uiMessages(chat), messages)), prompts, failures };
}

test("an answer grows, says what it does, and is whole with the questions to ask next", async () => {
  const { states, last, errors } = await talk([said("user", "hello")], ["a", "b"], ["Why?"]);
  const texts = states.map(({ parts }) =>
    parts.map((part) => (part.type === "text" ? part.text : "")).join(""),
  );
  expect([...new Set(texts)]).toEqual(["", "a", "ab"]);
  expect(last?.parts).toEqual([
    { type: "data-status", id: "status", data: "Thinking of what to ask next" },
    expect.objectContaining({ type: "text", text: "ab", state: "done" }),
  ]);
  expect(last?.metadata).toEqual({ questions: ["Why?"] });
  expect(errors).toEqual([]);
});

test("an answer that is cut off is an error with its reason, and is not shown to the model again", async () => {
  const { last, errors, failures } = await talk(
    [said("user", "hello")],
    ["half", new FinalError("It is cut off.")],
  );
  expect([errors, last?.metadata, failures]).toEqual([["It is cut off."], undefined, []]);
  const whole = said("assistant", "whole", { questions: [] });
  const { prompts } = await talk(
    [said("user", "1"), whole, said("assistant", "half"), said("user", "2")],
    ["c"],
  );
  expect(prompts[0]?.slice(1)).toEqual([
    { role: "user", content: "1" },
    { role: "assistant", content: "whole" },
    { role: "user", content: "2" },
  ]);
  expect(prompts[1]?.at(-2)).toEqual({ role: "assistant", content: "c" });
});

test("without suggestions an answer is whole all the same", async () => {
  const { last, errors } = await talk([said("user", "hello")], ["a"], new FinalError("refused"));
  expect([last?.metadata, errors]).toEqual([{ questions: [] }, []]);
});

test("of a wrong key a visitor learns nothing, and the operator all", async () => {
  const denied = new DeniedError("401 key sk-1");
  const { errors, failures } = await talk([said("user", "hello")], [denied]);
  expect([errors, failures]).toEqual([["The flow failed"], [denied]]);
});

test("bad requests are refused before the model is asked, with the reason", async () => {
  const empty = talk([said("user", "")], ["a"]);
  await expect(empty).rejects.toThrow(/^Invalid input$/);
});

/** A handler that sends these events in pieces of three letters. */
const sends = (events: string) =>
  (async (request: Request) => {
    expect(request.headers.get("accept")).toBe("text/event-stream");
    const pieces = events.match(/[\s\S]{1,3}/g) ?? [];
    const encoder = new TextEncoder();
    const body = new ReadableStream({
      pull(controller) {
        const piece = pieces.shift();
        if (piece === undefined) controller.close();
        else controller.enqueue(encoder.encode(piece));
      },
    });
    return new Response(body, { headers: { "content-type": "text/event-stream" } });
  }) as unknown as Handler;

test("each event becomes its parts, however it is cut into pieces; comments keep the connection alive", async () => {
  const events = [
    'event: queued\ndata: {"place":1}',
    ": still here",
    'event: data\ndata: {"step":"search"}',
    'event: progress\ndata: {"done":1}',
    'event: data\ndata: "line\\n"',
    'event: result\ndata: {"tokens":7}',
  ];
  const answer = uiMessages(sends(events.map((event) => `${event}\n\n`).join("")));
  const response = await answer(new Request("http://localhost/"));
  expect(response.headers.get("x-vercel-ai-ui-message-stream")).toBe("v1");
  const lines = (await response.text()).split("\n\n").filter(Boolean);
  expect(lines.map((line) => (line.includes("{") ? JSON.parse(line.slice(6)) : line))).toEqual([
    { type: "start" },
    { type: "data-queued", data: { place: 1 }, transient: true },
    ": still here",
    { type: "data-step", id: "step", data: "search" },
    { type: "data-progress", data: { done: 1 }, transient: true },
    { type: "text-start", id: "answer" },
    { type: "text-delta", id: "answer", delta: "line\n" },
    { type: "text-end", id: "answer" },
    { type: "finish", finishReason: "stop", messageMetadata: { tokens: 7 } },
    "data: [DONE]",
  ]);
});

test("a stream that ends without a result is an error", async () => {
  const { last, errors } = await send(uiMessages(sends('event: data\ndata: "half"\n\n')), []);
  expect([errors, last?.metadata]).toEqual([["The answer broke off."], undefined]);
});

test("a reader that leaves ends the run", async () => {
  let aborted: unknown;
  const stream = async function* (_prompt: unknown, { signal }: { signal: AbortSignal }) {
    yield "a";
    await new Promise((resolve) => signal.addEventListener("abort", resolve));
    aborted = signal.reason;
    throw new AnswerError("aborted");
  };
  const chat = createChat(createChatFlow({ stream } as unknown as Model), (error) =>
    expect.unreachable(String(error)),
  );
  const body = JSON.stringify({ messages: [said("user", "hello")] });
  const headers = { "content-type": "application/json" };
  const { body: stream_ } = await uiMessages(chat)(
    new Request("http://localhost/", { method: "POST", headers, body }),
  );
  const reader = stream_?.getReader();
  await reader?.read();
  await reader?.cancel();
  await chat.close();
  expect(aborted).toMatchObject({ code: "CLIENT_GONE" });
});
