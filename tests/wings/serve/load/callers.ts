// The callers of the load test, in a process of their own: each on a connection of its own, all at once.
import { request } from "node:http";

export interface Wave {
  readonly port: number;
  readonly name: string;
  readonly callers: number;
  readonly tokens: number;
  readonly pace: number;
  /** Whether each hangs up in the middle. */
  readonly hangUp: boolean;
}

export interface Outcome {
  /** Streams with all tokens of their own caller, in order, and its result. */
  readonly whole: number;
  /** Streams with anything of another caller, or out of order. */
  readonly mixed: number;
  readonly hungUp: number;
  readonly failed: readonly string[];
  /** Milliseconds from `emit` to here, of all tokens. */
  readonly tokenP50: number;
  readonly tokenP99: number;
  readonly seconds: number;
}

const now = () => performance.timeOrigin + performance.now();

function call(wave: Wave, number: number, delays: number[]): Promise<"whole" | "mixed" | "hungUp"> {
  const { port, name, tokens, pace, hangUp } = wave;
  const id = `${name}-${number}`;
  const until = hangUp ? 1 + (number % (tokens - 2)) : tokens;
  return new Promise((resolve, reject) => {
    const headers = { "content-type": "application/json", accept: "text/event-stream" };
    const outgoing = request(
      { host: "127.0.0.1", port, method: "POST", headers, agent: false },
      (incoming) => {
        if (incoming.statusCode !== 200) reject(new Error(`status ${incoming.statusCode}`));
        let rest = "";
        let seen = 0;
        let right = true;
        let result: unknown;
        incoming.setEncoding("utf8").on("data", (chunk: string) => {
          const parts = (rest + chunk).split("\n\n");
          rest = parts.pop() ?? "";
          for (const part of parts) {
            const [, event, json = ""] = /^event: (\w+)\ndata: (.*)$/s.exec(part) ?? [];
            const data = JSON.parse(json);
            if (event === "result") result = data.said;
            else {
              const [whose, at, sentAt] = data.split(" ");
              delays.push(now() - Number(sentAt));
              right &&= event === "data" && whose === id && Number(at) === seen++;
            }
          }
          if (hangUp && seen >= until) {
            outgoing.destroy();
            resolve("hungUp");
          }
        });
        incoming.on("end", () => resolve(right && seen === tokens && result === id ? "whole" : "mixed"));
        incoming.on("error", reject);
      },
    );
    outgoing.on("error", (error) => (hangUp ? resolve("hungUp") : reject(error)));
    outgoing.end(JSON.stringify({ id, tokens, pace }));
  });
}

process.on("message", async (wave: Wave | "stop") => {
  if (wave === "stop") return process.disconnect();
  const delays: number[] = [];
  const began = performance.now();
  const calls = Array.from({ length: wave.callers }, (_, number) => call(wave, number, delays));
  const ends = await Promise.allSettled(calls);
  const count = (what: string) =>
    ends.filter((end) => end.status === "fulfilled" && end.value === what).length;
  delays.sort((a, b) => a - b);
  const outcome: Outcome = {
    whole: count("whole"),
    mixed: count("mixed"),
    hungUp: count("hungUp"),
    failed: ends.flatMap((end) => (end.status === "rejected" ? [String(end.reason)] : [])),
    tokenP50: delays[Math.floor(delays.length * 0.5)] ?? 0,
    tokenP99: delays[Math.floor(delays.length * 0.99)] ?? 0,
    seconds: (performance.now() - began) / 1_000,
  };
  process.send?.(outcome);
});
process.send?.("ready");
