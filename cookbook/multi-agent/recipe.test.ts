// Runs the program as a user does, and games whose players the test has in hand.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import OpenAI from "openai";
import { afterAll, describe, expect, test } from "vitest";
import { createGameFlow } from "./flow.js";
import { InputError } from "./input-error.js";
import { connect, Llm } from "./llm.js";
import { Mailbox } from "./mailbox.js";
import { createShared, type Notes } from "./nodes.js";
import { spoken } from "./rules.js";

const tsx = pathToFileURL(createRequire(import.meta.url).resolve("tsx")).href;
const scratch = mkdtempSync(join(tmpdir(), "multi-agent-"));
afterAll(() => rmSync(scratch, { recursive: true }));

function start(args: string[] = [], env: NodeJS.ProcessEnv = {}) {
  const { OPENAI_API_KEY, OPENAI_BASE_URL, OPENAI_MODEL, ...clean } = process.env;
  const child = spawn(process.execPath, ["--import", tsx, join(import.meta.dirname, "main.ts"), ...args], {
    cwd: scratch,
    env: { ...clean, ...env },
    detached: true,
  });
  let text = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (text += chunk));
  return { child, ended: once(child, "close").then(([code]) => ({ code, text })) };
}

/** What each player said, in order. */
const saidIn = (text: string, by: string) =>
  [...text.matchAll(new RegExp(`^  ${by} +(.+)$`, "gm"))].map((match) => match[1] ?? "");

describe.concurrent("the program", () => {
  test("the guesser finds the word by the hints, which have no taboo word in them", async () => {
    const { code, text } = await start(["guitar", "rock", "electric", "music"]).ended;
    expect(code, text).toBe(0);
    expect(text).toContain("No OPENAI_API_KEY: using a local stand-in");
    const hints = saidIn(text, "hinter");
    const guesses = saidIn(text, "guesser");
    for (const hint of hints) expect(hint).not.toMatch(/guitar|rock|electric|music/i);
    expect(new Set(hints).size).toBe(hints.length);
    expect(guesses.at(-1)).toBe("guitar");
    expect(guesses.indexOf("guitar")).toBe(guesses.length - 1);
    expect(text).toContain(`Guessed after ${hints.length} hints.`);
  });

  test("a word that nobody knows ends the game after as many hints as there may be", async () => {
    const { code, text } = await start(["zyzzyva", "weevil", "--hints", "3"]).ended;
    expect(saidIn(text, "hinter")).toEqual(
      [1, 2, 3].map((at) => `Letter ${at} of its 7 is ${"zyz"[at - 1]}.`),
    );
    expect(new Set(saidIn(text, "guesser")).size).toBe(3);
    expect(text).toContain("Not guessed in 3 hints.");
    expect(code).toBe(0);
  });

  test.each([
    [["12"], 'error: Expected a word to guess, got "12". Write it first'],
    [["--hint", "3"], 'error: Expected a word, its taboo words and --hints, got "--hint 3".'],
  ])("explains %j", async (args, message) => {
    const { code, text } = await start(args).ended;
    expect(text).toContain(message);
    expect(code).toBe(2);
  });

  test("stops at once on Ctrl-C while one player thinks and the other waits", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const asked = once(server, "request"); // and never answered
    const { child, ended } = start([], {
      OPENAI_API_KEY: "x",
      OPENAI_BASE_URL: `http://127.0.0.1:${port}/v1`,
    });
    await asked;
    const stoppedAt = performance.now();
    process.kill(-(child.pid as number), "SIGINT"); // to the whole group, as a terminal does
    expect((await ended).code).toBe(130);
    expect(performance.now() - stoppedAt).toBeLessThan(5_000);
    server.close();
  });
});

test("a service that has no URL is an error of the user's", async () => {
  const env = { OPENAI_API_KEY: "x", OPENAI_BASE_URL: "here" };
  await expect(connect(env)).rejects.toThrow(/^Expected OPENAI_BASE_URL to be a URL .+ got "here"/);
  await expect(connect(env)).rejects.toBeInstanceOf(InputError);
});

describe("the game", () => {
  const card = { word: "owl", taboo: ["night", "bird"] };
  /** A player whose words are given; a function sees the notes that it thinks with. */
  const player = (says: (notes: Notes) => string): Llm =>
    new (class extends Llm {
      override hint(_card: unknown, notes: Notes) {
        return Promise.resolve().then(() => says(notes));
      }
      override guess(notes: Notes) {
        return Promise.resolve().then(() => says(notes));
      }
    })(new OpenAI({ apiKey: "none" }), "");

  test("the two take turns by mail alone, and the guesser's notes have nothing of the card", async () => {
    const seen: string[] = [];
    const hinter = player(({ hints }) => `hint ${hints.length + 1}`);
    const guesser = player((notes) => {
      seen.push(JSON.stringify(notes));
      return notes.hints.length < 3 ? `word ${notes.hints.length}` : "Owl.";
    });
    const shared = createShared(card, 9);
    await createGameFlow({ hinter, guesser }).run(shared);
    expect(shared.outcome).toBe("guessed");
    expect(shared.guesser.hints).toEqual(["hint 1", "hint 2", "hint 3"]);
    expect(shared.hinter.guesses).toEqual(["word 1", "word 2", "Owl."]);
    expect(seen).toHaveLength(3);
    expect(seen.join()).not.toMatch(/owl|night|bird/);
  });

  test("a hint with a taboo word in it never reaches the guesser", async () => {
    const tries = ["It hunts at NIGHT", "songbirds fear it", "It hoots"];
    const shared = createShared(card, 1);
    await createGameFlow({ hinter: player(() => tries.shift() ?? ""), guesser: player(() => "owl") }).run(
      shared,
    );
    expect(shared.guesser.hints).toEqual(["It hoots"]);
    expect(spoken("An owlet", card)).toEqual(["owl"]);
  });

  test("a hinter who cannot help it loses with an error, and the guesser does not wait for ever", async () => {
    const stubborn = createGameFlow({ hinter: player(() => "an owl"), guesser: player(() => "owl") });
    await expect(stubborn.run(createShared(card, 9))).rejects.toThrow(
      'The hinter said "owl", which is taboo.',
    );
  });

  test("an abort ends both players wherever they are", async () => {
    const stop = new AbortController();
    const guesser = player(() => {
      stop.abort(new Error("enough"));
      return "cat";
    });
    const shared = createShared(card, 1_000_000);
    const game = createGameFlow({ hinter: player(() => "It hoots"), guesser });
    await expect(game.run(shared, { signal: stop.signal })).rejects.toThrow("enough");
    expect(shared.guesser.hints).toHaveLength(1);
  });
});

describe("a mailbox", () => {
  const { signal } = new AbortController();

  test("keeps what was sent before anybody asked, in order, and ends when it is closed and empty", async () => {
    const box = new Mailbox<number>();
    box.send(1);
    box.send(2);
    box.close();
    expect([await box.receive(signal), await box.receive(signal), await box.receive(signal)]).toEqual([
      1,
      2,
      undefined,
    ]);
  });

  test("who waits is woken by a message, and by the end", async () => {
    const box = new Mailbox<string>();
    const both = [box.receive(signal), box.receive(signal)];
    box.send("a");
    box.close();
    expect(await Promise.all(both)).toEqual(["a", undefined]);
  });

  test("an abort wakes who waits, with its reason", async () => {
    const stop = new AbortController();
    const waiting = new Mailbox<string>().receive(stop.signal);
    stop.abort(new Error("enough"));
    await expect(waiting).rejects.toThrow("enough");
  });
});
