// Makes the table of docs/decisions/README.md from the pages: node .ci/decisions-table.mjs. With --check it only says
// whether the table is as it should be.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";

const folder = new URL("../docs/decisions/", import.meta.url);
const page = new URL("README.md", folder);
const HEAD = "| Decision | Status | Date |\n|---|---|---|\n";

const rows = readdirSync(folder)
  .filter((file) => /^\d{4}-.*\.md$/.test(file))
  .sort()
  .map((file) => {
    const text = readFileSync(new URL(file, folder), "utf8");
    const found =
      /^# (\d+)\. (.+)\n\n\*\*Status:\*\* (accepted|amended|superseded in part|superseded)( by \[[^\]]+\]\([^)]+\))?, (\d{4}-\d\d-\d\d)\./.exec(
        text,
      );
    if (found === null || Number(found[1]) !== Number(file.slice(0, 4))) {
      const expected = `"# ${Number(file.slice(0, 4))}. Title" and then "**Status:** accepted, 2026-11-26."`;
      throw new Error(
        `docs/decisions/${file}: expected it to begin with ${expected}; README.md there shows more`,
      );
    }
    const [, number, title, status, by = "", date] = found;
    return `| [${number}. ${title.replaceAll("|", "\\|")}](${file}) | ${status}${by} | ${date} |\n`;
  });
const text = readFileSync(page, "utf8");
const made = text.slice(0, text.indexOf(HEAD) + HEAD.length) + rows.join("");
if (made !== text && process.argv.includes("--check")) {
  console.error(
    "docs/decisions/README.md: the table is not that of the pages; run node .ci/decisions-table.mjs",
  );
  process.exitCode = 1;
} else if (made !== text) writeFileSync(page, made);
