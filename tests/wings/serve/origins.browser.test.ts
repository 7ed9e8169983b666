// A real browser before a handler: what a page of another origin can do, and that no answer runs as a page.
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { getRequestListener } from "@hono/node-server";
import type { Browser } from "playwright-core";
import { Flow, node } from "sluice";
import { createHandler } from "sluice/serve";
import { afterAll, beforeAll, expect, test } from "vitest";
import { hasBrowser, launchBrowser } from "../../support/browser.js";

/** What these tests use of a page; the types of the tests have no DOM. */
interface PageElement {
  src: string;
  readonly contentDocument: { readonly title: string } | null;
  append(child: object): void;
  submit(): void;
  addEventListener(type: string, listener: (event: unknown) => void): void;
}
declare const document: {
  readonly title: string;
  readonly body: PageElement;
  createElement(name: string): PageElement;
};

const XSS = "<script>document.title = 'owned'</script><img src=x onerror=\"document.title='owned'\">";
let runs = 0;
const echo = new Flow(
  node({
    prep: (shared: { text: string; said?: string }) => {
      runs++;
      return shared.text;
    },
    exec: (text, { emit }) => emit(text).then(() => text),
    post: (shared, _text, said) => {
      shared.said = said;
    },
  }),
);

const servers: Server[] = [];
let browser: Browser;
let [own, other, listed]: [string, string, string] = ["", "", ""];
beforeAll(async () => {
  if (!hasBrowser) return;
  const listen = async (handle: (request: Request) => Promise<Response>) => {
    const page = async (request: Request) =>
      new URL(request.url).pathname === "/page"
        ? new Response("<!doctype html><title>page</title>", { headers: { "content-type": "text/html" } })
        : await handle(request);
    const server = createServer(getRequestListener(page));
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  };
  const none = async () => new Response(null, { status: 404 });
  [other, listed] = [await listen(none), await listen(none)];
  own = await listen(createHandler(echo, { output: ["said"], origins: [listed] }));
  browser = await launchBrowser();
});
afterAll(async () => {
  await browser?.close();
  for (const server of servers) {
    server.closeAllConnections();
    server.close();
  }
});

/** What a page of an origin gets of the handler. */
async function callFrom(origin: string, type = "application/json"): Promise<string> {
  const page = await browser.newPage();
  await page.goto(`${origin}/page`);
  const answer = await page.evaluate(
    async ([url, type]) => {
      try {
        const init = { method: "POST", headers: { "content-type": type as string }, body: '{"text":"hi"}' };
        const response = await fetch(url as string, init);
        return `${response.status} ${await response.text()}`;
      } catch {
        return "blocked";
      }
    },
    [own, type],
  );
  await page.close();
  return answer;
}

test.runIf(hasBrowser)(
  "pages of the same origin and of a listed one call; another's get nothing and run nothing",
  async () => {
    expect(await callFrom(own)).toBe('200 {"said":"hi"}');
    expect(await callFrom(listed)).toBe('200 {"said":"hi"}');
    runs = 0;
    expect(await callFrom(other)).toBe("blocked");
    expect(await callFrom(other, "text/plain")).toBe("blocked");
    expect(runs).toBe(0);
  },
);

test.runIf(hasBrowser)("a form of another origin runs nothing, and what it gets is no page", async () => {
  runs = 0;
  const page = await browser.newPage();
  for (const enctype of ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"]) {
    await page.goto(`${other}/page`);
    const [response] = await Promise.all([
      page.waitForNavigation(),
      page.evaluate(
        ([url, enctype, text]) => {
          const form = document.createElement("form");
          Object.assign(form, { method: "POST", action: url, enctype });
          const field = document.createElement("input");
          Object.assign(field, { name: `{"text":"${text}","x":"`, value: '"}' });
          form.append(field);
          document.body.append(form);
          form.submit();
        },
        [own, enctype, XSS],
      ),
    ]);
    expect(response?.status()).toBe(403);
    expect(await page.title()).not.toBe("owned");
  }
  expect(runs).toBe(0);
  await page.close();
});

test.runIf(hasBrowser)("an answer with markup, opened as a document, runs no script", async () => {
  const page = await browser.newPage();
  await page.goto(`${own}/page`);
  for (const accept of ["application/json", "text/event-stream"]) {
    const shown = await page.evaluate(
      async ([url, text, accept]) => {
        const headers = { "content-type": "application/json", accept: accept as string };
        const response = await fetch(url as string, {
          method: "POST",
          headers,
          body: JSON.stringify({ text }),
        });
        const blob = new Blob([await response.arrayBuffer()], {
          type: response.headers.get("content-type") ?? "",
        });
        const frame = document.createElement("iframe");
        frame.src = URL.createObjectURL(blob);
        const loaded = new Promise((resolve) => frame.addEventListener("load", resolve));
        document.body.append(frame);
        await Promise.race([loaded, new Promise((resolve) => setTimeout(resolve, 500))]);
        return [response.headers.get("x-content-type-options"), frame.contentDocument?.title, document.title];
      },
      [own, XSS, accept],
    );
    expect(shown[0]).toBe("nosniff");
    expect(shown.slice(1)).not.toContain("owned");
  }
  await page.close();
});
