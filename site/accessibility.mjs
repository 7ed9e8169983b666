// Looks for barriers with axe, in light and dark. Most pages are made of the same pieces, so a page is
// looked at only if it shows a piece that none before it had.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const require = createRequire(import.meta.url);

export class Accessibility {
  /** How often axe has looked at a page. */
  checked = 0;
  #axe;
  #known = new Set();

  /** Looks at a page as wide as it is now, and leaves it in light. */
  async check(page, fault) {
    const pieces = await page.evaluate(piecesOf);
    const fresh = pieces.filter((piece) => !this.#known.has(piece));
    if (fresh.length === 0) return;
    for (const piece of fresh) this.#known.add(piece);
    this.checked++;
    this.#axe ??= readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
    await page.evaluate(this.#axe);
    // The elements are the same in dark: only their colours differ.
    for (const [scheme, rules] of [["light"], ["dark", ["color-contrast"]]]) {
      await page.emulateMedia({ colorScheme: scheme });
      await page.waitForFunction(
        (isDark) => document.documentElement.classList.contains("dark") === isDark,
        scheme === "dark",
      );
      await page.evaluate(settle);
      for (const text of await page.evaluate(violations, rules)) fault(`${text} (${scheme})`);
    }
    await page.emulateMedia({ colorScheme: "light" });
  }
}

/**
 * What is seen of a page: each element with the one around it, by tag, class, role and colours and whether it scrolls, and
 * the order of headings.
 */
function piecesOf() {
  const nameOf = (element) => {
    const classes = [...element.classList].filter((name) => !name.startsWith("_")); // that is the page's own name
    const colours = (element.getAttribute("style") ?? "").replace(
      /[^;]*(?:width|height|position|top)[^;]*;?/g,
      "",
    );
    const scrolls = element.scrollWidth > element.clientWidth + 1 ? "scrolls" : "";
    return [element.tagName, ...classes, element.getAttribute("role") ?? "", colours, scrolls].join(" ");
  };
  const pieces = new Set();
  for (const element of document.body.querySelectorAll("*")) {
    if (element.closest("svg") !== null && element.tagName !== "svg") continue; // a drawing is one piece
    if (!element.checkVisibility({ visibilityProperty: true })) continue;
    pieces.add(`${element.parentElement === null ? "" : nameOf(element.parentElement)} > ${nameOf(element)}`);
  }
  let before = "";
  for (const { tagName } of document.querySelectorAll("h1, h2, h3, h4, h5, h6")) {
    pieces.add(`${before} ${tagName}`);
    before = tagName;
  }
  return [...pieces];
}

/** Resolves when nothing fades or slides any more, and diagrams are drawn in the colours of now. */
async function settle() {
  await new Promise((done) => setTimeout(done, 100));
  await Promise.allSettled(document.getAnimations().map((animation) => animation.finished));
}

/** @param only - The ids of the rules; all, where there are none. */
async function violations(only) {
  const options = only === undefined ? {} : { runOnly: { type: "rule", values: only } };
  const found = await globalThis.axe.run({ ...options, resultTypes: ["violations"] });
  return found.violations.map(
    ({ id, nodes }) => `${id}: ${nodes.length} like ${nodes[0].html.slice(0, 200)}`,
  );
}
