// The report: a table of cases and prompts, with each answer and verdict. hono's `html` escapes all values.
import { html } from "hono/html";
import type { Result, Shared } from "./evals.js";

export const percent = (share = 0) => `${Math.round(100 * share)} %`;

export function reportOf({ prompts, cases, results, scores }: Shared): string {
  const names = Object.keys(prompts);
  const cell = ({ answer, verdicts = [], error }: Result, criteria: readonly string[]) => html`<td>
<p>${error ? html`<b>failed: ${error}</b>` : answer}</p>
<ul>${verdicts.map(({ met, reason }, at) => html`<li>${met ? "✓" : "✗"} ${criteria[at]} <small>${reason}</small></li>`)}</ul></td>`;
  const row = (at: number) => html`<tr><th>${cases[at]?.name}<p>${cases[at]?.input}</p></th>
${names.map((name) => {
  const result = results.find((each) => each.prompt === name && each.at === at);
  return result === undefined ? html`<td></td>` : cell(result, cases[at]?.criteria ?? []);
})}</tr>`;
  return String(html`<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Evals</title>
<style>body{font:15px/1.5 system-ui;margin:24px}th,td{border:1px solid #ccd;padding:8px 12px;text-align:left;vertical-align:top}
table{border-collapse:collapse}th p,small{font-weight:400;color:#567}ul{list-style:none;padding:0}</style>
<h1>Evals</h1><table><tr><th></th>${names.map((name) => html`<th>${name}: ${percent(scores?.[name])}<p>${prompts[name]}</p></th>`)}</tr>
${cases.map((_, at) => row(at))}</table></html>
`);
}
