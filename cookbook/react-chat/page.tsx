// The page: useChat with its defaults, which post to /api/chat.
import { type UIMessage, useChat } from "@ai-sdk/react";
import { type FormEvent, useState } from "react";
import { createRoot } from "react-dom/client";

/** The metadata is the output of the flow's handler; the data parts are emitted by its nodes. */
type Reply = UIMessage<{ questions: string[] }, { status: string }>;

function Chat() {
  const { messages, status, error, sendMessage, regenerate, stop } = useChat<Reply>();
  const [text, setText] = useState("");
  const isBusy = status === "submitted" || status === "streaming";
  const send = (event: FormEvent) => {
    event.preventDefault();
    if (isBusy || text.trim() === "") return;
    void sendMessage({ text });
    setText("");
  };
  const last = messages.at(-1);
  return (
    <main>
      <ol aria-live="polite">
        {messages.map((message) => (
          <Line key={message.id} message={message} isBusy={isBusy && message === last} />
        ))}
      </ol>
      {error && (
        <p role="alert">
          {error.message}{" "}
          <button type="button" onClick={() => void regenerate()}>
            Try again
          </button>
        </p>
      )}
      {!isBusy && (
        <nav aria-label="Suggestions">
          {last?.metadata?.questions.map((question) => (
            <button type="button" key={question} onClick={() => void sendMessage({ text: question })}>
              {question}
            </button>
          ))}
        </nav>
      )}
      <form onSubmit={send}>
        <input
          aria-label="Message"
          value={text}
          onChange={(event) => setText(event.target.value)}
          maxLength={4_000}
        />
        {isBusy ? (
          <button type="button" onClick={() => void stop()}>
            Stop
          </button>
        ) : (
          <button type="submit">Send</button>
        )}
      </form>
    </main>
  );
}

/**
 * A message. Only a complete answer has metadata: an incomplete one is marked, and the server omits it from the
 * conversation.
 */
function Line({ message, isBusy }: { message: Reply; isBusy: boolean }) {
  const { role, parts, metadata } = message;
  const text = parts.map((part) => (part.type === "text" ? part.text : "")).join("");
  const doing = parts.findLast((part) => part.type === "data-status")?.data;
  const note = isBusy ? doing : metadata === undefined && role === "assistant" ? "Not complete" : undefined;
  return (
    <li className={role}>
      {text}
      {note && <small>{note}</small>}
    </li>
  );
}

createRoot(document.getElementById("root") as HTMLElement).render(<Chat />);
