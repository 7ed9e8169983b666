import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { decode } from "fast-png";
import { Gate } from "sluice";
import { afterEach, beforeEach, expect, test } from "vitest";
import { AnswerError, DeniedError, FinalError, type Message, type Model } from "../lib/model.js";
import { DOT, hasInk, PITCH } from "./font.js";
import { type Page, pagesOf } from "./pdf.js";
import { LETTER, LOG, makeSamples } from "./samples.js";
import { createScanFlow, type Shared } from "./scanned-pdfs.js";

let folder = "";
beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), "scans-"))));
afterEach(() => rmSync(folder, { recursive: true }));

type Part = { readonly image_url?: { readonly url: string } };
type Answer = { text: string; unsure: string[] } | Error;

/** Reads PDFs of these pages with a model that answers so, by picture, in order; the last answer is repeated. */
async function read(pdfs: Record<string, Omit<Page, "file" | "page">[]>, answers: Record<string, Answer[]>) {
  for (const file of Object.keys(pdfs)) writeFileSync(join(folder, file), "");
  const gate = new Gate();
  const asked: string[] = [];
  let [alive, most] = [0, 0];
  const json = async (
    _name: string,
    _schema: unknown,
    messages: Message[],
    { lastError }: { lastError?: unknown },
  ) => {
    const url = ((messages[0]?.content ?? []) as Part[])
      .map(({ image_url }) => image_url?.url ?? "")
      .join("");
    asked.push(lastError instanceof AnswerError ? `${url}: ${lastError.message}` : url);
    await new Promise((resolve) => setImmediate(resolve));
    alive--;
    const list = answers[url] ?? [];
    const answer = list.length > 1 ? list.shift() : list[0];
    if (answer instanceof Error) throw answer;
    return answer;
  };
  async function* pages(path: string) {
    const file = path.slice(folder.length + 1);
    for (const [at, page] of (pdfs[file] ?? []).entries()) {
      if (page.pictures) most = Math.max(most, ++alive);
      yield { file, page: at + 1, ...page };
    }
  }
  const shared: Shared = { folder, pages: [], unread: [] };
  await createScanFlow({ calls: { gate, attempts: 2 }, json } as unknown as Model, pages).run(shared);
  return { ...shared, asked, most, calls: gate.stats().started };
}
const text = (words: string) => ({ text: words, unsure: [] });

test("pages with text cost no call, scans one each, and all come in their order", async () => {
  const pdfs = {
    "b.pdf": [{ pictures: ["1"] }, { text: "typed" }],
    "a.pdf": [{ pictures: ["2", "3"] }],
    "c.txt": [{ text: "x" }],
  };
  const { pages, unread, asked, calls } = await read(pdfs, { 1: [text("one")], 23: [text("two")] });
  expect(pages.map(({ file, page, by, text }) => [file, page, by, text])).toEqual([
    ["a.pdf", 1, "vision", "two"],
    ["b.pdf", 1, "vision", "one"],
    ["b.pdf", 2, "text layer", "typed"],
  ]);
  expect([unread, asked, calls]).toEqual([[], ["23", "1"], 2]);
});

test("what fails is listed by page, and takes no other page with it", async () => {
  const pdfs = {
    "a.pdf": [{ pictures: ["1"] }, { problem: "a drawing" }, { pictures: ["2"] }, { pictures: ["3"] }],
  };
  const refused = new FinalError("The model refuses: no");
  const { pages, unread } = await read(pdfs, { 1: [refused], 2: [text("two")], 3: [new Error("500")] });
  expect(pages.map(({ page }) => page)).toEqual([3]);
  expect(unread).toEqual([
    { file: "a.pdf", page: 1, problem: "The model refuses: no", failed: true },
    { file: "a.pdf", page: 2, problem: "a drawing", failed: false },
    { file: "a.pdf", page: 4, problem: "500", failed: true },
  ]);
});

test("words that are not in the text are no reading: the next attempt gets the error", async () => {
  const wrong = { text: "Brenn", unsure: ["Bremen"] };
  const answers = { 1: [wrong, { text: "Brenn", unsure: ["Brenn"] }] };
  const { pages, asked } = await read({ "a.pdf": [{ pictures: ["1"] }] }, answers);
  expect(asked).toEqual(["1", '1: These words of "unsure" are not in "text": Bremen']);
  expect(pages[0]?.unsure).toEqual(["Brenn"]);
});

test("no more pictures are in memory than are being read; a wrong key ends the run", async () => {
  const scans = Array.from({ length: 100 }, () => ({ pictures: ["1"] }));
  const { most, calls } = await read({ "a.pdf": scans }, { 1: [text("one")] });
  expect(calls).toBe(100);
  expect(most).toBeLessThanOrEqual(9);
  const denied = new DeniedError("401");
  await expect(read({ "a.pdf": scans }, { 1: [denied] })).rejects.toBe(denied);
});

const contentOf = async (file: string) => {
  const pages: Page[] = [];
  for await (const page of pagesOf(join(folder, file), new AbortController().signal)) pages.push(page);
  return pages;
};

test("the pages of a PDF are texts, or upright pictures, or have a problem", {
  timeout: 120_000,
}, async () => {
  await makeSamples(folder);
  writeFileSync(join(folder, "cut.pdf"), "%PDF-1.3\n1 0 obj\n<< /Type /Cat");
  const [letter, log, cut] = await Promise.all(["letter.pdf", "log.pdf", "cut.pdf"].map(contentOf));
  expect(letter?.[0]?.text).toContain("box 12");
  expect(log?.[0]?.text).toContain("the lock at Brenn");
  expect(log?.[2]).toEqual({
    file: "log.pdf",
    page: 3,
    problem: "Neither a text nor a picture that can be read",
  });
  expect(cut).toEqual([{ file: "cut.pdf", page: 0, problem: expect.stringMatching(/./) }]);
  for (const [page, lines] of [
    [letter?.[1], LETTER],
    [log?.[1], LOG],
  ] as const) {
    expect(page?.pictures).toHaveLength(1);
    const url = page?.pictures?.[0] ?? "";
    const { width, data } = decode(Buffer.from(url.slice(url.indexOf(",") + 1), "base64"));
    const { across, down, edge } = PITCH;
    for (const [line, words] of lines.entries()) {
      const dots = (isInk: (place: number, column: number, row: number) => boolean) =>
        Array.from({ length: words.length * 35 }, (_, at) =>
          isInk(Math.floor(at / 35), at % 5, Math.floor(at / 5) % 7),
        );
      const seen = dots((place, column, row) => {
        const [x, y] = [edge + place * across + column, edge + line * down + row];
        return (data[(y * DOT + 3) * width + x * DOT + 3] ?? 255) < 128;
      });
      expect(seen, words).toEqual(dots((place, column, row) => hasInk(words[place] ?? " ", column, row)));
    }
  }
});
