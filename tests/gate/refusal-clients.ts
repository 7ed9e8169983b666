// Clients of language models and of HTTP, each ready to call one address once, its own retries off.
// Whatever they throw for a refused call is what a gate sees.
import { createOpenAI } from "@ai-sdk/openai";
import Anthropic from "@anthropic-ai/sdk";
import { BedrockRuntimeClient, ConverseCommand } from "@aws-sdk/client-bedrock-runtime";
import { GoogleGenAI } from "@google/genai";
import { NodeHttpHandler } from "@smithy/node-http-handler";
import { generateText } from "ai";
import axios from "axios";
import got from "got";
import ky from "ky";
import OpenAI from "openai";

/** How a service writes the body of an error. */
export type Dialect = "openai" | "anthropic" | "google" | "aws";

export interface Client {
  readonly name: string;
  readonly dialect: Dialect;
  readonly call: (url: string) => Promise<unknown>;
}

const post = (url: string) => fetch(url, { method: "POST", body: "{}" });

export const clients: readonly Client[] = [
  {
    name: "openai",
    dialect: "openai",
    call: (baseURL) =>
      new OpenAI({ apiKey: "k", baseURL, maxRetries: 0 }).chat.completions.create({
        model: "m",
        messages: [],
      }),
  },
  {
    name: "@anthropic-ai/sdk",
    dialect: "anthropic",
    call: (baseURL) =>
      new Anthropic({ apiKey: "k", baseURL, maxRetries: 0 }).messages.create({
        model: "m",
        max_tokens: 1,
        messages: [{ role: "user", content: "hello" }],
      }),
  },
  {
    name: "ai",
    dialect: "openai",
    call: (baseURL) => {
      const model = createOpenAI({ apiKey: "k", baseURL }).chat("m");
      return generateText({ model, prompt: "hello", maxRetries: 0 });
    },
  },
  {
    name: "@google/genai",
    dialect: "google",
    call: (baseUrl) =>
      new GoogleGenAI({ apiKey: "k", httpOptions: { baseUrl } }).models.generateContent({
        model: "m",
        contents: "hello",
      }),
  },
  {
    name: "@aws-sdk",
    dialect: "aws",
    call: async (endpoint) => {
      const client = new BedrockRuntimeClient({
        endpoint,
        region: "us-east-1",
        credentials: { accessKeyId: "k", secretAccessKey: "k" },
        maxAttempts: 1,
        requestHandler: new NodeHttpHandler(), // its default speaks HTTP/2, which the test's server does not
      });
      try {
        const messages = [{ role: "user" as const, content: [{ text: "hello" }] }];
        return await client.send(new ConverseCommand({ modelId: "m", messages }));
      } finally {
        client.destroy();
      }
    },
  },
  { name: "axios", dialect: "openai", call: (url) => axios.post(url, {}) },
  { name: "got", dialect: "openai", call: (url) => got.post(url, { json: {}, retry: { limit: 0 } }).json() },
  { name: "ky", dialect: "openai", call: (url) => ky.post(url, { json: {}, retry: 0 }).json() },
  {
    name: "a `fetch` error with `response`",
    dialect: "openai",
    call: async (url) => {
      throw Object.assign(new Error("refused"), { response: await post(url) });
    },
  },
  {
    name: "a `fetch` error with `status`, `headers` and `body`",
    dialect: "openai",
    call: async (url) => {
      const response = await post(url);
      const { status, headers } = response;
      throw Object.assign(new Error("refused"), { status, headers, body: await response.text() });
    },
  },
];
