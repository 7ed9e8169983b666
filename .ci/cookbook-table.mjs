// Makes the table of cookbook/README.md from the recipes: node .ci/cookbook-table.mjs. With --check it only tells
// whether the table is as it should be.
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";

const cookbook = new URL("../cookbook/", import.meta.url);
const page = new URL("README.md", cookbook);
const groups = ["first steps", "batches", "parallel", "agents", "applications"];
const HEAD = "| Recipe | What it teaches | Needs | Level |\n|---|---|---|---|\n";

const recipes = readdirSync(cookbook, { withFileTypes: true })
  .filter((entry) => existsSync(new URL(`${entry.name}/package.json`, cookbook))) // lib/ and stand-ins/ are none
  .map(({ name }) => {
    const { recipe } = JSON.parse(readFileSync(new URL(`${name}/package.json`, cookbook), "utf8"));
    const { group, level, lesson, needs } = recipe ?? {};
    if (!groups.includes(group) || !Number.isInteger(level) || !lesson || !needs) {
      const expected = `"recipe": { "group": one of ${groups.join(", ")}, "level", "lesson", "needs" }`;
      throw new Error(`cookbook/${name}/package.json: expected ${expected}, got ${JSON.stringify(recipe)}`);
    }
    return { name, group: groups.indexOf(group), level, lesson, needs };
  })
  .sort((a, b) => a.group - b.group || a.level - b.level || (a.name < b.name ? -1 : 1));

const rows = recipes.map(
  ({ name, level, lesson, needs }) => `| [${name}](${name}) | ${lesson} | ${needs} | ${level} |\n`,
);
const text = readFileSync(page, "utf8");
const [before] = text.split(HEAD);
const made = before + HEAD + rows.join("");
if (made !== text && process.argv.includes("--check")) {
  console.error("cookbook/README.md: the table is not that of the recipes; run node .ci/cookbook-table.mjs");
  process.exitCode = 1;
} else if (made !== text) writeFileSync(page, made);
