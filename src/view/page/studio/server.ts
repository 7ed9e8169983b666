// The requests of the studio page. All URLs are relative, so that they keep the token.
import type { StudioState } from "../../model/studio-state.js";

/** An error response, with the server's message. */
export class Refused extends Error {}

export async function readState(): Promise<StudioState> {
  const response = await fetch("state").catch(() => {
    throw new Refused("not connected");
  });
  if (!response.ok) throw new Refused(await response.text());
  return (await response.json()) as StudioState;
}

export type Action = "answer" | "cancel" | "resume" | "start";

/** @throws Refused with the server's message. */
export async function ask(action: Action, body: object): Promise<Record<string, unknown>> {
  const headers = { "content-type": "application/json" };
  const response = await fetch(action, { method: "POST", headers, body: JSON.stringify(body) });
  const text = await response.text();
  if (response.ok) return JSON.parse(text) as Record<string, unknown>;
  throw new Refused(messageIn(text));
}

/** Errors of sluice/serve are JSON, those of the server itself plain text. */
function messageIn(text: string): string {
  try {
    const { error } = JSON.parse(text) as { error: { message: string } };
    return error.message;
  } catch {
    return text;
  }
}
