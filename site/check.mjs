// Looks at every page of the built site in a real browser, as wide as a phone and as a desk: nothing may be
// requested from elsewhere or be missing, nothing may complain, each diagram must be drawn, no page may be wider than
// the screen, and axe finds nothing in light or dark. Of the reference it looks at one page of each kind. Without
// Chromium it does nothing.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { Accessibility } from "./accessibility.mjs";

const dist = fileURLToPath(new URL("dist", import.meta.url));
const executablePath = "/usr/bin/chromium";
const { chromium } = await import("playwright-core").catch(() => ({}));
if (chromium === undefined || !existsSync(executablePath)) {
  console.log("The site was not looked at: there is no Chromium.");
  process.exit(0);
}

const kinds = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml" };
const server = createServer(({ url }, response) => {
  const file = join(dist, decodeURIComponent(new URL(url, "http://x").pathname));
  const path = file.endsWith("/") ? `${file}index.html` : file;
  if (!existsSync(path)) return response.writeHead(404).end();
  const type = kinds[extname(path)] ?? "application/octet-stream";
  // Scripts have their hash in their name: the browser keeps them, and what it made of them.
  const cache = path.includes("/assets/") ? "max-age=3600, immutable" : "no-store";
  response.writeHead(200, { "content-type": type, "cache-control": cache }).end(readFileSync(path));
});
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
const base = `http://127.0.0.1:${server.address().port}`;

const seenKinds = new Set();
const pages = readdirSync(dist, { recursive: true, encoding: "utf8" })
  .filter((file) => file.endsWith(".html") && file !== "404.html")
  .filter((file) => {
    const kind = /^reference\/api\/(?:.+\/)?([\w-]+)\/[^/]+$/.exec(file)?.[1];
    return kind === undefined || (!seenKinds.has(kind) && seenKinds.add(kind));
  });

/** Pages that are looked at side by side: more only wait for the processor. */
const AT_ONCE = 3;
const faults = [];
let diagrams = 0;
const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
// One context, for its cache.
const context = await browser.newContext({ colorScheme: "light" });
const accessibility = new Accessibility();
const rest = [...pages];

/** The home shows all of its code at any width, and its search names pages before members of the reference. */
async function lookAtHome(page, fault) {
  for (const width of [390, 1440]) {
    await page.setViewportSize({ width, height: 800 });
    const cut = await page.evaluate(
      () => [...document.querySelectorAll("pre")].filter((pre) => pre.scrollWidth > pre.clientWidth).length,
    );
    if (cut > 0) fault(`${cut} blocks of code are cut off at ${width} px`);
  }
  if ((await page.locator(".VPHero").count()) !== 1) fault("there is no hero");
  if ((await page.locator(".claims section").count()) !== 3) fault("there are not three claims");
  for (const word of ["gate", "batch", "journal", "retry", "flow"]) {
    await page.locator("#local-search button").click();
    await page.locator(".VPLocalSearchBox input").fill(word);
    const first = page.locator(".VPLocalSearchBox .result").first();
    await first.waitFor();
    const links = await page
      .locator(".VPLocalSearchBox .result")
      .evaluateAll((found) => found.slice(0, 5).map((result) => result.getAttribute("href") ?? ""));
    const member = links.find((link) => link.includes("/reference/api/"));
    if (member !== undefined) fault(`the search for "${word}" begins with ${member}`);
    await page.keyboard.press("Escape");
  }
}

const look = async () => {
  const page = await context.newPage();
  let file = "";
  const fault = (text) => faults.push(`${file}: ${text}`);
  const isOwn = (url) => url.startsWith(base) || /^(data|blob):/.test(url);
  page.on("request", (request) => isOwn(request.url()) || fault(`asks ${request.url()}`));
  page.on(
    "response",
    (response) => response.status() < 400 || fault(`${response.status()} for ${response.url()}`),
  );
  page.on("console", (message) => /error|warning/.test(message.type()) && fault(message.text()));
  page.on("pageerror", (error) => fault(String(error)));
  while (rest.length > 0) {
    file = rest.pop();
    await page.goto(`${base}/${file}`);
    await page.waitForSelector(".VPDoc, .VPHome");
    const drawn = await page
      .waitForFunction(() => document.querySelector(".diagram-source") === null, undefined, {
        timeout: 10_000,
      })
      .then(() => page.locator(".diagram svg").count())
      .catch(() => fault("a diagram is not drawn"));
    diagrams += drawn ?? 0;
    for (const width of [390, 1280]) {
      await page.setViewportSize({ width, height: 800 });
      const over = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      if (over > 0) fault(`${over} px wider than a screen of ${width} px`);
      await accessibility.check(page, (text) => fault(`${text} at ${width} px`));
    }
    if (file === "index.html") await lookAtHome(page, fault);
  }
};
await Promise.all(Array.from({ length: AT_ONCE }, look));
await browser.close();
server.close();
console.log(
  `${pages.length} pages at two widths, ${diagrams} diagrams, axe ${accessibility.checked} times in light and dark: ${faults.length} faults`,
);
for (const text of faults) console.error(text);
process.exitCode = faults.length === 0 && diagrams > 0 ? 0 : 1;
