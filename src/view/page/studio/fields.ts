// The fields of a form as elements, and their values.
import type { Field, Written } from "../../model/answer-form.js";
import { el, visible } from "../dom.js";

/** A field in the page. */
export interface Shown {
  readonly element: HTMLElement;
  written(): Written;
}

let made = 0;

export function showField(field: Field): Shown {
  switch (field.kind) {
    case "fixed":
      return {
        element: el("p", { class: "note" }, visible(`${field.label}: ${JSON.stringify(field.value)}`)),
        written: () => "",
      };
    case "group":
      return groupOf(field);
    case "variants":
      return variantsOf(field);
    case "choice":
      return choiceOf(field);
    default:
      return inputOf(field);
  }
}

function labelled(field: Field, control: HTMLElement): HTMLElement {
  const id = `field-${++made}`;
  control.id = id;
  const optional = field.isRequired ? "" : " (optional)";
  const label = el("label", { for: id }, visible(`${field.label}${optional}`));
  if (field.note === undefined) return el("div", { class: "field" }, label, control);
  control.setAttribute("aria-describedby", `${id}-note`);
  return el(
    "div",
    { class: "field" },
    label,
    control,
    el("p", { class: "note", id: `${id}-note` }, visible(field.note)),
  );
}

function inputOf(field: Field & { kind: "text" | "number" | "json" | "any" }): Shown {
  const isArea = field.kind === "json" || field.kind === "any" || (field.kind === "text" && field.isLong);
  const limits = "limits" in field ? field.limits : {};
  const attributes = { ...limits, required: field.isRequired && field.kind !== "any", autocomplete: "off" };
  const step = field.kind === "number" ? (field.isInteger ? "1" : "any") : undefined;
  const type = field.kind === "number" ? "number" : field.kind === "text" ? field.type : "text";
  const control = isArea
    ? el("textarea", { ...attributes, rows: field.kind === "text" ? 3 : 5, spellcheck: "false" })
    : el("input", { ...attributes, type, step });
  control.value = field.initial;
  const hint = field.kind === "json" ? " (JSON)" : field.kind === "any" ? " (JSON, or a text)" : "";
  const element = labelled({ ...field, label: `${field.label}${hint}` }, control);
  return { element, written: () => control.value };
}

function choiceOf(field: Field & { kind: "choice" }): Shown {
  const select = el("select", { required: field.isRequired }, el("option", { value: "" }, "–"));
  field.choices.forEach(({ label }, at) => {
    select.append(el("option", { value: at }, visible(label)));
  });
  select.value = field.initial;
  return { element: labelled(field, select), written: () => select.value };
}

function groupOf(field: Field & { kind: "group" }): Shown {
  const fields = field.fields.map(([name, each]) => [name, showField(each)] as const);
  const element = el(
    "fieldset",
    {},
    el("legend", {}, visible(field.label)),
    field.note === undefined ? undefined : el("p", { class: "note" }, visible(field.note)),
    ...fields.map(([, { element }]) => element),
  );
  return { element, written: () => Object.fromEntries(fields.map(([name, each]) => [name, each.written()])) };
}

function variantsOf(field: Field & { kind: "variants" }): Shown {
  const select = el("select");
  field.variants.forEach(({ label }, at) => {
    select.append(el("option", { value: at }, visible(label)));
  });
  const slot = el("div");
  let shown = showField(field.variants[0] as Field);
  const choose = () => {
    shown = showField(field.variants[Number(select.value)] as Field);
    slot.replaceChildren(shown.element);
  };
  select.addEventListener("change", choose);
  choose();
  const element = el("div", {}, labelled(field, select), slot);
  return { element, written: () => ({ at: Number(select.value), of: shown.written() }) };
}
