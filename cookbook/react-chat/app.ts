// The page and its script over HTTP. With Vite or Next.js you have this already, and need only the route /api/chat.
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { Hono } from "hono";
import type { Handler } from "sluice/serve";
import { uiMessages } from "./ui-messages.js";

const here = (file: string) => fileURLToPath(new URL(file, import.meta.url));
const CSP =
  "default-src 'none'; script-src 'self'; style-src 'unsafe-inline'; img-src data:; connect-src 'self'; base-uri 'none'; " +
  "form-action 'none'; frame-ancestors 'none'";

/** Bundles page.tsx, and serves the chat at /api/chat, the default of useChat. */
export async function createApp(chat: Handler): Promise<Hono> {
  const { outputFiles } = await build({
    entryPoints: [here("page.tsx")],
    bundle: true,
    minify: true,
    write: false,
    format: "esm",
    jsx: "automatic",
    define: { "process.env.NODE_ENV": '"production"' },
    // Otherwise zod, which the AI SDK uses, tests whether it may call eval, and the policy of the page reports that.
    banner: { js: "globalThis.__zod_globalConfig = { jitless: true };" },
  });
  const page = await readFile(here("page.html"), "utf8");
  const script = outputFiles[0]?.text ?? "";
  const answer = uiMessages(chat);
  const app = new Hono();
  app.get("/", (context) => context.html(page, 200, { "content-security-policy": CSP }));
  app.get("/page.js", (context) =>
    context.body(script, 200, { "content-type": "text/javascript; charset=utf-8" }),
  );
  app.all("/api/chat", (context) => answer(context.req.raw));
  return app;
}
