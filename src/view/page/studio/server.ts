// What the page of the studio asks its server. All URLs are relative, so that they keep the token.
import type { StudioState } from "../../model/studio-state.js";

/** An answer that is an error, in the server's words. */
export class Refused extends Error {}

export async function readState(): Promise<StudioState> {
  const response = await fetch("state").catch(() => {
    throw new Refused("not connected");
  });
  if (!response.ok) throw new Refused(await response.text());
  return (await response.json()) as StudioState;
}

export type Action = "answer" | "cancel" | "resume" | "start";

/** @throws Refused with what the server says. */
export async function ask(action: Action, body: object): Promise<Record<string, unknown>> {
  const headers = { "content-type": "application/json" };
  const response = await fetch(action, { method: "POST", headers, body: JSON.stringify(body) });
  const text = await response.text();
  if (response.ok) return JSON.parse(text) as Record<string, unknown>;
  throw new Refused(messageIn(text));
}

/** An error of sluice/serve is JSON, one of the server itself a text. */
function messageIn(text: string): string {
  try {
    const { error } = JSON.parse(text) as { error: { message: string } };
    return error.message;
  } catch {
    return text;
  }
}
