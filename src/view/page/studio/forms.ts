// The forms of the studio: answering a question and starting a flow.
import { answerOf, type Field, fieldOf } from "../../model/answer-form.js";
import type { StudioQuestion, StudioState } from "../../model/studio-state.js";
import { el, visible } from "../dom.js";
import { showField } from "./fields.js";

/** The action of a form. @throws An error whose message the form shows. */
type Send = (value: unknown) => Promise<void>;

/** A form that shows errors and ignores clicks while it is being sent. */
function formOf(
  title: string,
  fields: readonly HTMLElement[],
  label: string,
  send: () => Promise<void>,
): HTMLFormElement {
  const problem = el("p", { class: "problem", role: "alert" });
  const submit = el("button", { type: "submit", class: "main" }, label);
  const form = el("form", { "aria-label": title }, ...fields, problem, submit);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    problem.textContent = "";
    submit.disabled = true;
    send()
      .catch((error: unknown) => {
        problem.textContent = (error as Error).message;
      })
      .finally(() => {
        submit.disabled = false;
      });
  });
  return form;
}

/** A question with the form for its answer. */
export function answerForm(asked: StudioQuestion, label: string, send: Send): HTMLElement {
  const { question, path, index, schema, expiresAt } = asked;
  const field = fieldOf(schema);
  const shown = showField(field);
  const where = [...path, ...(index === undefined ? [] : [`[${index}]`])].join(" › ");
  const until = expiresAt === undefined ? "" : `, until ${new Date(expiresAt).toLocaleString()}`;
  return el(
    "section",
    { class: "question" },
    el("p", { class: "note" }, visible(`${where}${until}`)),
    el(
      "pre",
      { tabindex: 0, "aria-label": "Question" },
      typeof question === "string" ? question : JSON.stringify(question, null, 2),
    ),
    formOf(`Answer to ${where}`, [shown.element], label, () => send(answerOf(field, shown.written()))),
  );
}

const STORE: Field = {
  kind: "json",
  label: "Store",
  note: "What the flow begins with, without the keys that the config gives.",
  isRequired: true,
  initial: "{}",
};
const ID: Field = {
  kind: "text",
  label: "Id of the run",
  note: "Left out: a new one. The same id is never started twice.",
  isRequired: false,
  initial: "",
  type: "text",
  isLong: false,
  limits: { maxlength: 200 },
};

/** The input of a start. */
export interface Start {
  readonly flow: string;
  readonly id: string | undefined;
  readonly store: unknown;
}

export function startForm({ flows }: StudioState, send: (start: Start) => Promise<void>): HTMLElement {
  const flow: Field = {
    kind: "choice",
    label: "Flow",
    note: undefined,
    isRequired: true,
    initial: flows.length === 1 ? "0" : "",
    choices: flows.map((name) => ({ label: name, value: name })),
  };
  const fields = [flow, ID, STORE].map((field) => [field, showField(field)] as const);
  const values = () => fields.map(([field, shown]) => answerOf(field, shown.written()));
  return formOf(
    "Start a flow",
    fields.map(([, { element }]) => element),
    "Start",
    async () => {
      const [name, id, store] = values();
      await send({ flow: name as string, id: id as string | undefined, store });
    },
  );
}
