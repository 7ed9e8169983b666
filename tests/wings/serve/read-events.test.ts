import { fc, test as property } from "@fast-check/vitest";
import { describe, expect, test } from "vitest";
import { readEvents } from "../../../src/wings/serve/read-events.js";
import { piecewise } from "../../support/requests.js";

async function read(pieces: Iterable<string | Uint8Array>, most = 1e6) {
  const events = [];
  for await (const event of readEvents(piecewise(pieces), most, () => new Error("too long")))
    events.push(event);
  return events;
}

describe("Server-Sent Events are read as the standard says", () => {
  test.each<[string, string, [string, string][]]>([
    [
      "named and nameless events",
      "event: a\ndata: 1\n\ndata: 2\n\n",
      [
        ["a", "1"],
        ["message", "2"],
      ],
    ],
    [
      "any end of line",
      "event: a\r\ndata: 1\r\n\r\nevent: b\rdata: 2\r\r",
      [
        ["a", "1"],
        ["b", "2"],
      ],
    ],
    [
      "several lines of data, with and without a space",
      "data: a\ndata:b\ndata:  c\ndata\n\n",
      [["message", "a\nb\n c\n"]],
    ],
    ["comments, ids and unknown fields", ": x\nid: 1\nretry: 5\ndata: y\nfoo: z\n\n", [["message", "y"]]],
    ["an event without data, which is none", "event: a\n\ndata: 1\n\n", [["message", "1"]]],
    ["an event that breaks off, which is none", "data: 1\n\ndata: 2\n", [["message", "1"]]],
    ["colons in data", "data: a: b\n\n", [["message", "a: b"]]],
  ])("%s", async (_, text, wanted) => {
    expect((await read([text])).map(({ event, data }) => [event, data])).toEqual(wanted);
  });

  property.prop([
    fc.array(fc.tuple(fc.stringMatching(/^[a-z]{1,8}$/), fc.json()), { maxLength: 8 }),
    fc.constantFrom("\n", "\r\n"),
    fc.infiniteStream(fc.integer({ min: 1, max: 9 })),
  ])("in whatever pieces the bytes come", async (events, end, sizes) => {
    const text = events.map(([event, data]) => `event: ${event}${end}data: ${data}${end}${end}`).join("");
    const bytes = new TextEncoder().encode(text);
    const pieces: Uint8Array[] = [];
    for (let at = 0; at < bytes.length; ) {
      const size = sizes.next().value as number;
      pieces.push(bytes.slice(at, at + size));
      at += size;
    }
    expect((await read(pieces)).map(({ event, data }) => [event, data])).toEqual(events);
  });

  test("an event that never ends is an error, and not kept", async () => {
    let given = 0;
    const endless = (function* () {
      yield "data: ";
      for (;;) {
        given += 1_000;
        yield "x".repeat(1_000);
      }
    })();
    await expect(read(endless, 10_000)).rejects.toThrow("too long");
    expect(given).toBeLessThan(12_000);
  });

  test("each character is looked at once: a line of 8 MB in pieces of 1 kB takes no longer than many lines", async () => {
    const piece = new TextEncoder().encode("x".repeat(1_000));
    const cpu = async (pieces: Iterable<string | Uint8Array>) => {
      const before = process.cpuUsage();
      const events = await read(pieces, 1e9);
      const { user, system } = process.cpuUsage(before);
      return { ms: (user + system) / 1_000, events };
    };
    const one = function* () {
      yield "data: ";
      for (let at = 0; at < 8_000; at++) yield piece;
      yield "\n\n";
    };
    const { ms, events } = await cpu(one());
    expect(events[0]?.data).toHaveLength(8_000_000);
    // About 100 ms; to split all that has come at each piece took 100 times as long.
    expect(ms).toBeLessThan(3_000);
  });

  test("an endless line is refused, whatever the sizes of its pieces", async () => {
    for (const size of [1, 1_000, 65_536]) {
      const piece = "y".repeat(size);
      const endless = (function* () {
        for (;;) yield piece;
      })();
      await expect(read(endless, 2_000)).rejects.toThrow("too long");
    }
  });

  test("leaving the loop cancels the stream", async () => {
    let cancelled = false;
    const body = new ReadableStream<Uint8Array>({
      pull: (controller) => controller.enqueue(new TextEncoder().encode("data: 1\n\n")),
      cancel: () => {
        cancelled = true;
      },
    });
    for await (const _ of readEvents(body, 100, () => undefined)) break;
    expect(cancelled).toBe(true);
  });
});
